//! Members of JSON objects that hold what someone authenticates with, where a protocol leaves them to the application.

use super::decoded::Decoded;
use super::json::{Json, JsonKind};

/// Members looked at of an object.
const MEMBERS: usize = 64;
/// Objects within one another that are looked at.
const DEPTH: usize = 4;
/// Names of such members, without case, `_` and `-`; others may stand before them.
const NAMES: &[&str] = &[
    "token",
    "password",
    "passwd",
    "passcode",
    "secret",
    "authorization",
    "auth",
    "apikey",
    "credential",
    "credentials",
    "jwt",
    "cookie",
    "signature",
];

/// The longest text that is looked through for secrets where no protocol names them.
const LONGEST: usize = 16 << 10;

/// Whether a message carries what someone authenticates with: by what its protocol says, else by the names in its JSON.
#[must_use]
pub fn holds_secret(decoded: Option<&Decoded<'_>>, bytes: &[u8]) -> bool {
    let items = decoded.into_iter().flat_map(|decoded| &decoded.items);
    if items
        .into_iter()
        .any(|item| item.secret && !item.datum.is_empty())
    {
        return true;
    }
    let is_json = matches!(bytes.first(), Some(b'{' | b'[')) && bytes.len() <= LONGEST;
    let text = std::str::from_utf8(bytes).ok().filter(|_| is_json);
    text.and_then(Json::parse).is_some_and(stand_in)
}

/// Whether a JSON object has a member that is named like a secret.
pub(super) fn stand_in(json: Json<'_>) -> bool {
    within(json, DEPTH)
}

fn within(json: Json<'_>, depth: usize) -> bool {
    match json.kind() {
        JsonKind::Object if depth > 0 => json.members().take(MEMBERS).any(|(key, value)| {
            let holds =
                !matches!(value.kind(), JsonKind::Null | JsonKind::Bool) && value.raw() != "\"\"";
            (holds && is_name(&key)) || within(value, depth - 1)
        }),
        JsonKind::Array if depth > 0 => json
            .elements()
            .take(MEMBERS)
            .any(|value| within(value, depth - 1)),
        _ => false,
    }
}

/// Whether a key is the name of a secret: `token`, `access_token`, `X-Api-Key`.
pub(super) fn is_name(key: &str) -> bool {
    if key.len() > 64 {
        return false;
    }
    let plain: String = key
        .chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    NAMES.iter().any(|name| plain.ends_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for key in ["token", "accessToken", "X-Api-Key", "PASSWORD", "user_auth"] {
            assert!(is_name(key), "{key}");
        }
        for key in ["tokens_left", "author", "key", "authenticated", ""] {
            assert!(!is_name(key), "{key}");
        }
        let holds = |text| stand_in(Json::parse(text).unwrap());
        assert!(holds(r#"{"a":[{"b":{"token":"x"}}]}"#));
        assert!(!holds(r#"{"token":null,"a":"token","b":["password"]}"#));
        assert!(!holds(r#"{"AuthToken":"","password":""}"#));
        assert!(!holds(r#"{"a":{"b":{"c":{"d":{"token":1}}}}}"#));
    }
}
