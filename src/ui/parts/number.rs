//! Formats numbers for people.

/// With thousands separators: "4,812,390".
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// For axes: "15k", "2.5M".
pub fn short(number: u64) -> String {
    for (unit, suffix) in [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")] {
        if number >= unit {
            let tenths = number / (unit / 10) % 10;
            let whole = number / unit;
            return if tenths == 0 {
                format!("{whole}{suffix}")
            } else {
                format!("{whole}.{tenths}{suffix}")
            };
        }
    }
    number.to_string()
}

/// "1 key", "2 keys".
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// A number that was counted up to one beyond `max`: "990", "1,000+".
pub fn capped(number: i64, max: i64) -> String {
    let text = grouped(number.clamp(0, max).unsigned_abs());
    if number > max { format!("{text}+") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_above_the_maximum_end_with_a_plus() {
        let texts = [-1, 0, 999, 1_000, 1_001].map(|number| capped(number, 1_000));
        assert_eq!(texts, ["0", "0", "999", "1,000", "1,000+"]);
    }

    #[test]
    fn numbers_have_separators_and_short_forms() {
        for (number, long, brief) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1_000, "1,000", "1k"),
            (2_500, "2,500", "2.5k"),
            (15_000, "15,000", "15k"),
            (4_812_390, "4,812,390", "4.8M"),
            (u64::MAX, "18,446,744,073,709,551,615", "18446744073.7G"),
        ] {
            assert_eq!((grouped(number).as_str(), short(number).as_str()), (long, brief));
        }
        assert_eq!(counted(1, "key", "keys"), "1 key");
        assert_eq!(counted(1_200, "key", "keys"), "1,200 keys");
    }
}
