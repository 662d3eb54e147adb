//! A set of page numbers: one bit a page, so that the difference between two databases of 10 GB takes 330 KiB.

/// Page numbers, counted from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PageSet {
    words: Vec<u64>,
}

impl PageSet {
    /// Adds or removes `page`.
    pub(super) fn set(&mut self, page: u32, present: bool) {
        let (word, bit) = place(page);
        if present {
            if word >= self.words.len() {
                self.words.resize(word + 1, 0);
            }
            self.words[word] |= bit;
        } else if let Some(word) = self.words.get_mut(word) {
            *word &= !bit;
        }
    }

    /// Adds `page`.
    pub(super) fn insert(&mut self, page: u32) {
        self.set(page, true);
    }

    /// Removes every page above `last`.
    pub(super) fn truncate(&mut self, last: u32) {
        let (word, bit) = place(last + 1);
        self.words.truncate(word + 1);
        if let Some(word) = self.words.get_mut(word) {
            *word &= bit - 1;
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// All of them, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        (0_u32..).zip(&self.words).flat_map(|(index, &word)| {
            (0..u64::BITS).filter(move |bit| word >> bit & 1 == 1).map(move |bit| index * u64::BITS + bit)
        })
    }
}

fn place(page: u32) -> (usize, u64) {
    ((page / u64::BITS) as usize, 1 << (page % u64::BITS))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_page_set_is_a_set(steps in prop::collection::vec((1_u32..2_000, any::<bool>()), 0..200), last in 1_u32..2_000) {
            let mut set = PageSet::default();
            let mut model = BTreeSet::new();
            for (page, present) in steps {
                set.set(page, present);
                if present { model.insert(page); } else { model.remove(&page); }
            }
            prop_assert_eq!(set.len(), model.len() as u64);
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            set.truncate(last);
            model.retain(|page| *page <= last);
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.into_iter().collect::<Vec<_>>());
        }
    }
}
