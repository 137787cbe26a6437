//! TLS records, the key log and decryption. It knows no TCP.
