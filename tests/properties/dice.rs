//! A random world from a list of numbers: each decision takes the next one, and after the last all decisions are 0.
//!
//! So proptest can shrink a world by shrinking the list: decision 0 is always the plainest.

pub(crate) struct Dice<'a> {
    numbers: &'a [u32],
    next: usize,
}

impl<'a> Dice<'a> {
    pub(crate) fn new(numbers: &'a [u32]) -> Self {
        Self { numbers, next: 0 }
    }

    /// A number from 0 to `sides - 1`.
    pub(crate) fn roll(&mut self, sides: u32) -> u32 {
        let number = self.numbers.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        number % sides
    }

    /// True once in so many times, and never when the numbers have run out.
    pub(crate) fn rarely(&mut self, one_in: u32) -> bool {
        self.roll(one_in) == one_in - 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len() as u32) as usize]
    }
}
