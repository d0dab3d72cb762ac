//! Logarithmic axes: where a value lies, and which values are written beside the axis.

/// What hides in the last digits of a logarithm.
const NOISE: f64 = 1e-9;

/// A range of values above zero, by the logarithms of its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// The whole powers of ten around these values, at least one decade; `None` if no value is above zero.
    pub fn of_decades(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = ends(values)?;
        let low = (low + NOISE).floor();
        let high = (high - NOISE).ceil().max(low + 1.0);
        Some(Self { low, high })
    }

    /// From the least to the greatest of these values.
    pub fn of_values(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = ends(values)?;
        // A single point lies at the beginning.
        Some(Self { low, high: if high > low { high } else { low + 1.0 } })
    }

    /// 0 at the low end, 1 at the high one.
    pub fn place(self, value: f64) -> f64 {
        (value.log10() - self.low) / (self.high - self.low)
    }

    pub fn low(self) -> f64 {
        10_f64.powf(self.low)
    }

    /// The powers of ten; twice and five times each of them, too, if there would be few.
    pub fn ticks(self) -> Vec<f64> {
        let factors: &[f64] = if self.high - self.low < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let powers = (self.low.floor() as i32)..=(self.high.ceil() as i32);
        let all = powers.flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)));
        all.filter(|tick| (-NOISE..=1.0 + NOISE).contains(&self.place(*tick))).collect()
    }
}

/// The logarithms of the least and the greatest value above zero.
fn ends(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let logs = values.into_iter().filter(|value| *value > 0.0 && value.is_finite()).map(f64::log10);
    logs.fold(None, |ends, log| match ends {
        None => Some((log, log)),
        Some((low, high)) => Some((log.min(low), log.max(high))),
    })
}

#[cfg(test)]
#[path = "scale_tests.rs"]
mod tests;
