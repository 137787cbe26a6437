//! TCP flows: keys, the table, reassembly.
