//! The display filter language: parse, check, compile. It knows fields by the table, and values by a trait.
