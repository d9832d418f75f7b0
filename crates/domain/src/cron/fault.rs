//! Why a text is no cron expression: structure, rendered when somebody reads it.

use super::Field;

/// What is wrong with an expression; `text` is the part of it that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It has not six or seven fields.
    FieldCount {
        /// How many it has.
        found: usize,
    },
    /// Neither of the two day fields names days.
    NoDays,
    /// Both day fields name days.
    BothDays,
    /// `L` or `LW` stands in a list of days of the month.
    LastDayInList,
    /// `L` stands in a list of days of the week.
    LastWeekdayInList,
    /// There is more than one `#`.
    SecondNth,
    /// A field says nothing.
    Empty(Field),
    /// A part begins with what begins nothing.
    Unexpected {
        /// Where.
        field: Field,
        /// The part.
        text: String,
    },
    /// Something follows a `?`.
    AfterUnspecified {
        /// All of it.
        text: String,
    },
    /// `?` stands where no days are meant.
    Unspecified(Field),
    /// `L`, `W` or `#` stands where it means nothing.
    Option {
        /// The letter or sign.
        option: char,
        /// Where.
        field: Field,
    },
    /// What follows `L-` is no number.
    LastOffset {
        /// What follows.
        text: String,
    },
    /// What follows `L-` is more than a month has days.
    LastOffsetTooLarge {
        /// The number.
        offset: i32,
    },
    /// A name of a month or weekday is not known.
    Name {
        /// Where.
        field: Field,
        /// What should have been one.
        text: String,
    },
    /// A number is missing or has too many digits.
    Number {
        /// What should have been one.
        text: String,
    },
    /// What follows `#` is no week of a month.
    Nth {
        /// What follows.
        text: String,
    },
    /// What follows `/` is no number.
    Step {
        /// All of it.
        text: String,
    },
    /// Something follows a step.
    AfterStep {
        /// What follows.
        text: String,
    },
    /// A number is not one the field can hold.
    Value {
        /// Where.
        field: Field,
        /// The number.
        value: i32,
    },
    /// A step would leave the field at once.
    StepTooLarge {
        /// Where.
        field: Field,
        /// Largest that is accepted.
        most: i32,
        /// The step.
        step: i32,
    },
    /// A range of years ends before it starts.
    Years {
        /// First year.
        start: i32,
        /// Last year.
        end: i32,
    },
}
