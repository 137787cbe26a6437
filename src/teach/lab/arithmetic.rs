//! Sums in lab files: numbers, + - * / and parentheses.

/// The value of `text`, rounded down.
///
/// # Errors
/// When it is no sum, divides by zero, or is larger than a number may be.
pub(super) fn sum(text: &str) -> Result<u64, String> {
    let mut reader = Reader {
        rest: text.trim(),
        depth: 0,
    };
    let value = reader.sum()?;
    match reader.rest {
        "" => Ok(value),
        rest => Err(format!("{text}: {rest:?} is no part of a sum")),
    }
}

/// Parentheses in parentheses.
const DEEPEST: usize = 50;

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn take(&mut self, operators: &[char]) -> Option<char> {
        let first = self.rest.chars().next().filter(|c| operators.contains(c))?;
        self.rest = self.rest[first.len_utf8()..].trim_start();
        Some(first)
    }

    fn sum(&mut self) -> Result<u64, String> {
        let mut value = self.product()?;
        while let Some(operator) = self.take(&['+', '-']) {
            let other = self.product()?;
            let next = match operator {
                '+' => value.checked_add(other),
                _ => value.checked_sub(other),
            };
            value = next.ok_or("a sum below zero, or too large")?;
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<u64, String> {
        let mut value = self.factor()?;
        while let Some(operator) = self.take(&['*', '/']) {
            let other = self.factor()?;
            let next = match operator {
                '*' => value.checked_mul(other),
                _ => value.checked_div(other),
            };
            value = next.ok_or("a division by zero, or a product too large")?;
        }
        Ok(value)
    }

    fn factor(&mut self) -> Result<u64, String> {
        if self.take(&['(']).is_some() {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err("too many parentheses".to_owned());
            }
            let value = self.sum()?;
            self.depth -= 1;
            return match self.take(&[')']) {
                Some(_) => Ok(value),
                None => Err("a parenthesis is not closed".to_owned()),
            };
        }
        let end = self.rest.find(|c: char| !c.is_ascii_digit());
        let (digits, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let number = digits
            .parse()
            .map_err(|_| format!("{:?}: a number must stand here", self.rest))?;
        self.rest = rest.trim_start();
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_worked_out() {
        assert_eq!(sum("2 + 3 * (4 - 1)"), Ok(11));
        assert_eq!(sum("100000*871*8/1000000"), Ok(696));
        assert!(sum("1 +").is_err());
        assert!(sum("1 / 0").is_err());
        assert!(sum("1 - 2").is_err());
        assert!(sum("(1").is_err());
        assert!(sum("1 {x}").is_err());
        assert!(sum(&"(".repeat(9999)).is_err());
    }
}
