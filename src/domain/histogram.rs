//! Cumulative histograms as k6 pushes and Prometheus stores them: sums, differences and quantiles.
//!
//! Buckets are exponential; k6 asks for a growth factor of at most 1.1, so that a value is known to within 10 %.

use serde::{Deserialize, Serialize};

/// A stretch of values and how many of them were seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Values in it are larger than this.
    pub lower: f64,
    /// Values in it are at most this.
    pub upper: f64,
    /// How many: a whole number, never negative.
    pub count: f64,
}

/// Values by bucket, in the unit they were measured in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// The sum of all values.
    sum: f64,
    /// Ascending by [`Bucket::upper`], none of them empty.
    buckets: Vec<Bucket>,
}

/// A stretch of values that touches the next one, and how many of them were seen; 0 where none were.
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bin {
    /// Values in it are larger than this.
    pub from: f64,
    /// Values in it are at most this.
    pub to: f64,
    /// How many.
    pub count: f64,
}

/// A quantile and how well it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    /// The best estimate.
    pub value: f64,
    /// The true one is at least this.
    pub lower: f64,
    /// The true one is at most this.
    pub upper: f64,
}

impl Histogram {
    /// A histogram of buckets in any order; empty ones are left out, and those whose ends are none.
    pub fn new(sum: f64, mut buckets: Vec<Bucket>) -> Self {
        buckets.retain(|bucket| bucket.count > 0.0 && bucket.lower <= bucket.upper);
        buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
        Self { sum, buckets }
    }

    /// How many values there are.
    pub fn count(&self) -> f64 {
        self.buckets.iter().map(|bucket| bucket.count).sum()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Their mean; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        let count = self.count();
        (count > 0.0).then(|| self.sum / count)
    }

    /// Adds the values of another one.
    pub fn add(&mut self, other: &Self) {
        self.sum += other.sum;
        self.merge(other, 1.0);
    }

    /// What came since `earlier`, a former state of the same cumulative histogram. One that is not a former state, because
    /// counting began anew, is as good as none.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut more = self.clone();
        more.merge(earlier, -1.0);
        let began_anew = more.buckets.iter().any(|bucket| bucket.count < 0.0);
        if began_anew {
            return self.clone();
        }
        more.sum -= earlier.sum;
        more.buckets.retain(|bucket| bucket.count > 0.0);
        more
    }

    /// The quantile `q` (0–1) as k6 takes it of the values themselves: between the two that are nearest to the rank
    /// `q · (count − 1)`, in a straight line (metrics/sink.go, `TrendSink.P`). `None` without values.
    pub fn quantile(&self, q: f64) -> Option<Quantile> {
        let rank = q.clamp(0.0, 1.0) * (self.count() - 1.0).max(0.0);
        let (a, b, share) = (self.ranked(rank.floor())?, self.ranked(rank.ceil())?, rank.fract());
        let between = |a: f64, b: f64| a + (b - a) * share;
        Some(Quantile {
            value: between(a.value, b.value),
            lower: between(a.lower, b.lower),
            upper: between(a.upper, b.upper),
        })
    }

    /// The value with so many below it. In a bucket the values are taken to lie evenly on a logarithmic scale, as the
    /// buckets do.
    fn ranked(&self, rank: f64) -> Option<Quantile> {
        let mut below = 0.0;
        let found = self.buckets.iter().find(|bucket| {
            let here = rank < below + bucket.count;
            if !here {
                below += bucket.count;
            }
            here
        });
        let Bucket { lower, upper, count } = *found?;
        let share = ((rank - below + 0.5) / count).clamp(0.0, 1.0);
        // The bucket around 0 reaches below it, which durations don't.
        let lower = if upper >= 0.0 { lower.max(0.0) } else { lower };
        let value = match (lower, upper) {
            (lower, f64::INFINITY) => lower,
            (f64::NEG_INFINITY, upper) => upper,
            (0.0, upper) => upper * share,
            (lower, upper) => lower * (upper / lower).powf(share),
        };
        // A sum of what is endless is no number.
        let bounded = |end: f64| end.clamp(f64::MIN, f64::MAX);
        Some(Quantile { value: bounded(value), lower: bounded(lower), upper: bounded(upper) })
    }

    /// The values in at most `most` bins, equally wide on a logarithmic scale: what a picture of them shows. Their edges lie at
    /// powers of two and even parts of them, where k6's buckets have theirs. Values of 0 are in one of their own before them.
    pub fn bins(&self, most: usize) -> Vec<Bin> {
        let (zeros, others): (Vec<Bucket>, Vec<Bucket>) = self.buckets.iter().partition(|bucket| bucket.lower <= 0.0);
        let places = |parts: f64| {
            let place = move |bucket: &Bucket| ((bucket.lower * bucket.upper).sqrt().log2() * parts).ceil();
            others.iter().map(move |bucket| (place(bucket), bucket.count))
        };
        let range = |parts: f64| {
            let place = |found: Option<(f64, f64)>| found.map(|(place, _)| place);
            Some((place(places(parts).next())?, place(places(parts).next_back())?))
        };
        let scales = [8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.125];
        let fitting = scales.into_iter().filter_map(|parts| Some((parts, range(parts)?)));
        let found = fitting.into_iter().find(|(_, (first, last))| last - first < most as f64);
        let mut bins = Vec::new();
        if let Some((parts, (first, last))) = found {
            let edge = |place: f64| (place / parts).exp2();
            let bin = |number| {
                let place = first + f64::from(number);
                let count = places(parts).filter(|(own, _)| *own == place).map(|(_, count)| count).sum();
                Bin { from: edge(place - 1.0), to: edge(place), count }
            };
            bins.extend((0..=(last - first) as u32).map(bin));
        }
        let count = zeros.iter().map(|bucket| bucket.count).sum::<f64>();
        if count > 0.0 {
            bins.insert(0, Bin { from: 0.0, to: bins.first().map_or(0.0, |bin| bin.from), count });
        }
        bins
    }

    /// Adds the counts of another one times `factor`, and leaves the sum alone.
    fn merge(&mut self, other: &Self, factor: f64) {
        let mine = std::mem::take(&mut self.buckets);
        let (mut a, mut b) = (mine.into_iter().peekable(), other.buckets.iter().peekable());
        loop {
            let order = match (a.peek(), b.peek()) {
                (Some(a), Some(b)) => a.upper.total_cmp(&b.upper),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => return,
            };
            let left = if order.is_le() { a.next() } else { None };
            let right = if order.is_ge() { b.next() } else { None };
            let Some(Bucket { lower, upper, .. }) = left.or(right.copied()) else { return };
            let count = left.map_or(0.0, |bucket| bucket.count) + right.map_or(0.0, |bucket| bucket.count * factor);
            self.buckets.push(Bucket { lower, upper, count });
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The width of k6's buckets: the largest growth factor 2^(2^-n) that is at most 1.1.
    const GROWTH: f64 = 1.090_507_732_665_257_7;

    /// The histogram that k6 would push of these values.
    fn of(values: &[f64]) -> Histogram {
        let bucket = |value: &f64| {
            let index = (value.ln() / GROWTH.ln()).ceil();
            Bucket { lower: GROWTH.powf(index - 1.0), upper: GROWTH.powf(index), count: 1.0 }
        };
        let mut all = Histogram::default();
        for value in values {
            all.add(&Histogram::new(*value, vec![bucket(value)]));
        }
        all
    }

    /// k6's quantile of the values themselves.
    fn true_quantile(values: &[f64], q: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = q * (sorted.len() - 1) as f64;
        let (a, b) = (sorted[rank.floor() as usize], sorted[rank.ceil() as usize]);
        a + (b - a) * rank.fract()
    }

    #[test]
    fn nothing_has_no_quantile_and_no_mean() {
        let nothing = Histogram::default();
        assert!(nothing.is_empty());
        assert_eq!((nothing.count(), nothing.mean(), nothing.quantile(0.5)), (0.0, None, None));
        assert!(Histogram::new(0.0, vec![Bucket { lower: 1.0, upper: 2.0, count: 0.0 }]).is_empty());
        assert!(!of(&[0.1]).is_empty());
    }

    #[test]
    fn values_below_zero_and_without_an_end_have_quantiles_too() {
        let quantile = |lower, upper| {
            Histogram::new(0.0, vec![Bucket { lower, upper, count: 1.0 }]).quantile(0.5).map(|found| found.value)
        };
        let below = quantile(-0.5, -0.25).unwrap();
        assert!((-0.5..=-0.25).contains(&below), "{below}");
        assert_eq!((quantile(-0.001, 0.001), quantile(-1.0, 0.0)), (Some(0.0005), Some(0.0)));
        assert_eq!((quantile(2.0, f64::INFINITY), quantile(f64::NEG_INFINITY, -2.0)), (Some(2.0), Some(-2.0)));
        assert!(quantile(f64::NEG_INFINITY, f64::INFINITY).unwrap().is_finite());
        assert_eq!((quantile(0.25, -0.27), quantile(f64::NAN, 1.0)), (None, None), "the ends of no bucket");
    }

    #[test]
    fn a_quantile_lies_between_the_values_next_to_its_rank() {
        let buckets = [(4.0, 16.0, 1.0), (1.0, 4.0, 2.0)];
        let three = Histogram::new(0.0, buckets.map(|(lower, upper, count)| Bucket { lower, upper, count }).to_vec());
        // Two values share the first bucket: at a quarter and three quarters of it on a logarithmic scale.
        let (first, second, third) = (2_f64.sqrt(), 8_f64.sqrt(), 8.0);
        for (q, value, lower, upper) in [
            (0.0, first, 1.0, 4.0),
            (0.25, (first + second) / 2.0, 1.0, 4.0),
            (0.5, second, 1.0, 4.0),
            (0.75, (second + third) / 2.0, 2.5, 10.0),
            (1.0, third, 4.0, 16.0),
        ] {
            let found = three.quantile(q).unwrap();
            assert!((found.value - value).abs() < 1e-9, "{q}: {found:?}");
            assert_eq!((found.lower, found.upper), (lower, upper), "{q}");
        }
        // Out of range is the nearest end.
        assert_eq!((three.quantile(-1.0), three.quantile(2.0)), (three.quantile(0.0), three.quantile(1.0)));
    }

    #[test]
    fn one_slow_request_among_quick_ones_counts_as_k6_counts_it() {
        let mut seen = of(&[0.008; 11]);
        seen.add(&of(&[0.7]));
        let p95 = seen.quantile(0.95).unwrap();
        let truth = 0.008 + (0.7 - 0.008) * (0.95 * 11.0 - 10.0);
        assert!((p95.value / truth - 1.0).abs() < 0.05, "{p95:?} {truth}");
    }

    #[test]
    fn the_bucket_around_zero_ends_at_zero() {
        let zeros = Histogram::new(0.0, vec![Bucket { lower: -1e-39, upper: 1e-39, count: 4.0 }]);
        let Quantile { value, lower, upper } = zeros.quantile(0.5).unwrap();
        assert_eq!((lower, upper), (0.0, 1e-39));
        assert!((0.0..=1e-39).contains(&value));
    }

    #[test]
    fn bins_lie_where_the_buckets_do_and_are_as_few_as_asked_for() {
        let near = of(&[0.11, 0.11, 0.12, 0.2]);
        let bins = near.bins(40);
        assert_eq!(bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        assert!((bins[0].to - 0.125 / GROWTH).abs() < 1e-9 && (bins[1].to - 0.125).abs() < 1e-9, "{bins:?}");
        assert!(bins.windows(2).all(|pair| pair[0].to == pair[1].from));
        let wide = of(&[0.001, 0.02, 0.5, 0.5, 60.0]);
        let bins = wide.bins(10);
        assert!((5..=10).contains(&bins.len()), "{bins:?}");
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<f64>(), 5.0);
        assert_eq!((bins[0].count, bins.last().unwrap().count), (1.0, 1.0));
        assert!(Histogram::default().bins(10).is_empty());
        // Requests that nobody answered took no time.
        let mut refused = Histogram::new(0.0, vec![Bucket { lower: -1e-39, upper: 1e-39, count: 4.0 }]);
        assert_eq!(refused.bins(10), [Bin { from: 0.0, to: 0.0, count: 4.0 }]);
        refused.add(&near);
        assert_eq!(refused.bins(40)[0], Bin { from: 0.0, to: near.bins(40)[0].from, count: 4.0 });
        assert_eq!(refused.bins(40)[1..], near.bins(40));
    }

    #[test]
    fn counting_that_began_anew_counts_in_full() {
        let (before, after) = (of(&[0.1, 0.2, 0.2]), of(&[0.3, 0.2]));
        assert_eq!(after.since(&before), after);
    }

    fn durations() -> impl Strategy<Value = Vec<f64>> {
        proptest::collection::vec(prop_oneof![0.001..0.02_f64, 0.5..0.8_f64, 3.9..4.1_f64], 1..80)
    }

    proptest! {
        #[test]
        fn a_quantile_is_known_to_within_its_bucket(values in durations(), q in 0.0..=1.0_f64) {
            let found = of(&values).quantile(q).unwrap();
            let truth = true_quantile(&values, q);
            prop_assert!(found.lower * (1.0 - 1e-9) <= truth && truth <= found.upper * (1.0 + 1e-9), "{found:?} {truth}");
            prop_assert!((found.lower..=found.upper * (1.0 + 1e-9)).contains(&found.value), "{found:?}");
            prop_assert!(found.upper / found.lower < 1.1);
            prop_assert!((found.value / truth - 1.0).abs() < 0.1);
        }

        #[test]
        fn a_difference_is_what_came_meanwhile(earlier in durations(), later in durations()) {
            let (before, more) = (of(&earlier), of(&later));
            let mut after = before.clone();
            after.add(&more);
            let difference = after.since(&before);
            prop_assert_eq!(&difference.buckets, &more.buckets);
            prop_assert!((difference.sum - more.sum).abs() < 1e-6);
            prop_assert_eq!(after.count(), (earlier.len() + later.len()) as f64);
            prop_assert!(before.since(&before).is_empty());
            let mean = after.mean().unwrap();
            let truth = earlier.iter().chain(&later).sum::<f64>() / after.count();
            prop_assert!((mean - truth).abs() < 1e-9);
        }
    }
}
