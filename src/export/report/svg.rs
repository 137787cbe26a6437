//! Drawings as SVG: bars and counts over time. Colours and fonts are the page's; every text goes through
//! [`escaped`].

use std::fmt::Write as _;

use crate::base::escape::html as escaped;

use super::block::Bar;

/// One bar of a chart, as wide as its part of the most.
pub(super) fn bar(out: &mut String, bar: &Bar, most: u64) {
    let width = u128::from(bar.count) * 200 / u128::from(most.max(1));
    let width = if bar.count > 0 { width.max(1) } else { 0 };
    let _ = write!(
        out,
        "<svg class=bar viewBox=\"0 0 200 12\" preserveAspectRatio=none aria-hidden=true><rect width={width} height=12 /></svg>"
    );
}

/// Counts over time as columns.
pub(super) fn timeline(out: &mut String, caption: &str, counts: &[u64]) {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let columns = counts.len().max(1);
    let _ = write!(
        out,
        "<svg class=timeline viewBox=\"0 0 {columns} 60\" preserveAspectRatio=none role=img><title>{}</title>",
        escaped(caption)
    );
    for (at, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (u128::from(*count) * 60 / u128::from(most)).max(1);
        let _ = write!(
            out,
            "<rect x={at} y={} width=1 height={height} />",
            60 - height
        );
    }
    out.push_str("</svg>\n");
}
