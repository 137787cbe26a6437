//! Questions asked of the records: diagnosis, statistics, comparison.
