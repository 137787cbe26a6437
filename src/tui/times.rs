//! How a moment is shown.

use crate::base::Timestamp;

/// The ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// Seconds since the capture's first packet.
    #[default]
    Relative,
    /// Seconds since the row before.
    Delta,
    /// Seconds since the frame before in the same connection.
    SinceFrame,
    /// Time of day, UTC.
    Utc,
    /// Time of day here.
    Local,
}

impl TimeFormat {
    /// Its name, for the head of the column.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TimeFormat::Relative => "time",
            TimeFormat::Delta => "since row",
            TimeFormat::SinceFrame => "since frame",
            TimeFormat::Utc => "UTC",
            TimeFormat::Local => "local time",
        }
    }

    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            TimeFormat::Relative => TimeFormat::Delta,
            TimeFormat::Delta => TimeFormat::SinceFrame,
            TimeFormat::SinceFrame => TimeFormat::Utc,
            TimeFormat::Utc => TimeFormat::Local,
            TimeFormat::Local => TimeFormat::Relative,
        }
    }

    /// A moment, with the one it is measured from where there is one.
    #[must_use]
    pub fn write(self, time: Timestamp, from: Option<Timestamp>) -> String {
        match self {
            TimeFormat::Utc => of_day(time, &jiff::tz::TimeZone::UTC),
            TimeFormat::Local => of_day(time, &jiff::tz::TimeZone::system()),
            _ => from.map_or_else(String::new, |from| {
                format!("{:.6}", time.seconds_since(from))
            }),
        }
    }
}

fn of_day(time: Timestamp, zone: &jiff::tz::TimeZone) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(time.0))
        .map(|time| {
            time.to_zoned(zone.clone())
                .strftime("%H:%M:%S%.6f")
                .to_string()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_in_every_way() {
        let time = Timestamp(1_700_000_000_250_000_000);
        let from = Some(Timestamp(1_700_000_000_000_000_000));
        assert_eq!(TimeFormat::Relative.write(time, from), "0.250000");
        assert_eq!(TimeFormat::Delta.write(time, None), "");
        assert_eq!(TimeFormat::Utc.write(time, from), "22:13:20.250000");
    }
}
