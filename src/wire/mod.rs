//! One packet: link layer, tunnels, IP and TCP, as views into its bytes.
