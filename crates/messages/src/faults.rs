//! What is wrong with a cron expression, in words.

use domain::cron::{Fault, Field};

use crate::{Language, Render, Text, text};

impl From<&Fault> for Text {
    fn from(fault: &Fault) -> Self {
        match fault {
            Fault::FieldCount { found } => text!("cron-field-count", found = *found),
            Fault::NoDays => text!("cron-no-days"),
            Fault::BothDays => text!("cron-both-days"),
            Fault::LastDayInList => text!("cron-last-day-in-list"),
            Fault::LastWeekdayInList => text!("cron-last-weekday-in-list"),
            Fault::SecondNth => text!("cron-second-nth"),
            Fault::Empty(field) => text!("cron-empty", field = name(*field)),
            Fault::Unexpected { field, text } => {
                text!("cron-unexpected", field = name(*field), text = text)
            }
            Fault::AfterUnspecified { text } => text!("cron-after-unspecified", text = text),
            Fault::Unspecified(field) => text!("cron-unspecified", field = name(*field)),
            Fault::Option { option, field } => {
                text!("cron-option", option = option.to_string(), field = name(*field))
            }
            Fault::LastOffset { text } => text!("cron-last-offset", text = text),
            Fault::LastOffsetTooLarge { offset } => text!("cron-last-offset-too-large", offset = *offset),
            Fault::Name { field, text } => {
                let names = if *field == Field::Month {
                    "JAN-DEC"
                } else {
                    "SUN-SAT"
                };
                text!("cron-name", field = name(*field), text = text, names = names)
            }
            Fault::Number { text } => text!("cron-number", text = text),
            Fault::Nth { text } => text!("cron-nth", text = text),
            Fault::Step { text } => text!("cron-step", text = text),
            Fault::AfterStep { text } => text!("cron-after-step", text = text),
            Fault::Value { field, value } => {
                let (least, most) = field.bounds();
                text!(
                    "cron-value",
                    field = name(*field),
                    least = least,
                    most = most,
                    value = *value
                )
            }
            Fault::StepTooLarge { field, most, step } => text!(
                "cron-step-too-large",
                field = name(*field),
                most = *most,
                step = *step
            ),
            Fault::Years { start, end } => text!("cron-years", start = *start, end = *end),
        }
    }
}

impl Render for Fault {
    fn render(&self, language: Language) -> String {
        Text::from(self).render(language)
    }
}

/// Returns what people call the field.
fn name(field: Field) -> Text {
    match field {
        Field::Second => text!("field-second"),
        Field::Minute => text!("field-minute"),
        Field::Hour => text!("field-hour"),
        Field::DayOfMonth => text!("field-day-of-month"),
        Field::Month => text!("field-month"),
        Field::DayOfWeek => text!("field-day-of-week"),
        Field::Year => text!("field-year"),
    }
}
