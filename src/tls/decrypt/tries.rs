//! What is tried on a record: the suites that its secret may belong to, and the sequence numbers it may have.

use crate::tls::agreed::Agreed;
use crate::tls::suite::Parameters;

/// The suites a TLS 1.3 secret may belong to: the chosen one, or those offered where the choice was not seen.
pub(super) fn candidates(agreed: &Agreed) -> impl Iterator<Item = Option<Parameters>> {
    let chosen = agreed.choice.as_ref().map(|choice| choice.suite);
    let offered = agreed.offer.iter().flat_map(|offer| &offer.suites).copied();
    let offered = offered.filter(move |suite| chosen.is_none() && suite.is_tls13());
    chosen
        .into_iter()
        .chain(offered)
        .take(8)
        .map(|suite| suite.parameters())
}

/// The numbers a record may have in an epoch of which it is the first that opens: zero in a whole capture; where
/// records went by unread, most of them were of this epoch.
pub(super) fn epoch_numbers(passed: u64, (likely, most): (u64, u64)) -> impl Iterator<Item = u64> {
    let high = passed.saturating_add(most);
    std::iter::once(0)
        .chain(around(passed.saturating_add(likely), 1, high).filter(move |_| high > 0))
}

/// The numbers of `low..=high`, from `centre` outwards.
pub(super) fn around(centre: u64, low: u64, high: u64) -> impl Iterator<Item = u64> {
    let centre = centre.clamp(low, high.max(low));
    let above = (0..).map(move |step: u64| {
        centre
            .checked_add(step)
            .filter(|number| *number <= high.max(low))
    });
    let below =
        (1..).map(move |step: u64| centre.checked_sub(step).filter(|number| *number >= low));
    let both = above.zip(below);
    both.take_while(|(up, down)| up.is_some() || down.is_some())
        .flat_map(|(up, down)| up.into_iter().chain(down))
}
