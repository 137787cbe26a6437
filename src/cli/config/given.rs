//! A setting that someone made, and where.

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A line of the file, within a profile or not.
    File {
        line: usize,
        profile: Option<String>,
    },
    /// A variable of the environment.
    Environment(&'static str),
}

/// What someone set, if anyone did.
pub(super) fn value<T: Clone>(given: &Option<Given<T>>) -> Option<T> {
    given.as_ref().map(|given| given.value.clone())
}

/// A setting that someone made.
#[derive(Clone, Debug)]
pub(crate) struct Given<T> {
    pub(crate) value: T,
    /// The value as the file would have it.
    pub(crate) text: String,
    pub(crate) from: Origin,
}
