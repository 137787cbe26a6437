//! The filter as it is typed.

use serde_json::{Value, json};

use wireloupe::filter::{Filter, complete};

/// What is wrong with a filter and where, in UTF-16 as the page counts; and what can be typed next.
pub(crate) fn check(text: &str, cursor: Option<u64>) -> Value {
    let units = |at: usize| text.get(..at).map_or(0, |head| head.encode_utf16().count());
    let mut byte = text.len();
    if let Some(cursor) = cursor {
        let mut left = cursor as usize;
        byte = text
            .char_indices()
            .find_map(|(at, c)| {
                let is_here = left == 0;
                left = left.saturating_sub(c.len_utf16());
                is_here.then_some(at)
            })
            .unwrap_or(text.len());
    }
    let completions: Vec<Value> = complete(text, byte)
        .into_iter()
        .take(12)
        .map(|one| json!({"from": units(one.span.start), "to": units(one.span.end), "text": one.text, "note": one.note}))
        .collect();
    let error = Filter::parse(text).err().map(|error| {
        json!({
            "message": error.summary(),
            "from": units(error.span.start),
            "to": units(error.span.end),
        })
    });
    json!({"error": error, "completions": completions})
}
