//! Rows that a filter or a search asks for, while keys are answered: one by one from the index, and where that would take
//! long, found by whoever reads the whole capture again.
//!
//! Both begin together, so that the first hits come at once; what comes from elsewhere is in order and takes over.

use crate::filter::FieldId;
use crate::run::ConnectionKey;
use crate::tui::elsewhere::AT_ONCE;
use crate::tui::search::{Progress, Tally};
use crate::view::rows::{Kind, List};
use crate::view::sought::{By, Finds, Found, Sought};

use super::{App, Effect};

/// How many times as long a row takes from the index as one that is read in order, roughly.
const TIMES: usize = 10;
/// Bytes of a capture that is still being read, beyond which it has many rows.
const LARGE: u64 = 32 << 20;

impl App {
    /// Has the capture be read again for more than so many rows.
    #[cfg(test)]
    pub(in crate::tui) fn reads_again_from(&mut self, rows: usize) {
        self.elsewhere.few = rows;
    }

    /// Whether it is worth reading the whole capture for the rows of the list.
    fn is_long(&self) -> bool {
        let list = &self.list;
        let all = match list.kind {
            Kind::Packets => return false,
            Kind::Frames => self.store.frame_count(),
            Kind::Messages => self.store.message_count(),
        };
        let left = list.unfiltered(&self.store).saturating_sub(list.scanned);
        let grows = !self.loading.done && self.loading.total.is_some_and(|total| total > LARGE);
        self.live.is_none()
            && (grows || left > self.elsewhere.few && left.saturating_mul(TIMES) > all)
    }

    /// Has rows be sought by somebody who reads the capture.
    fn seek(&mut self, by: By) -> Finds {
        self.elsewhere.last += 1;
        let finds = Finds::new(self.elsewhere.last);
        self.effects.push(Effect::Find(Box::new(Sought {
            id: finds.id(),
            kind: self.list.kind,
            by,
            forced: self.store.forced().to_vec(),
            wanted: finds.wanted(),
        })));
        finds
    }

    /// Rows were found elsewhere.
    pub fn found_elsewhere(&mut self, found: Found) {
        if let Some(finds) = self.finds(found.id) {
            finds.take(found);
        }
    }

    /// Nobody reads the capture again.
    pub fn found_nowhere_else(&mut self, id: u64) {
        self.elsewhere.filter.take_if(|finds| finds.id() == id);
        if let Some(tally) = &mut self.tally {
            tally.finds.take_if(|finds| finds.id() == id);
        }
    }

    fn finds(&mut self, id: u64) -> Option<&mut Finds> {
        let hits = self.tally.as_mut().and_then(|tally| tally.finds.as_mut());
        let mut all = self.elsewhere.filter.as_mut().into_iter().chain(hits);
        all.find(|finds| finds.id() == id)
    }

    /// Whether rows can be asked now.
    pub(super) fn is_asking_rows(&self) -> bool {
        let finds = self.elsewhere.filter.as_ref();
        self.list.is_scanning(&self.store)
            && finds.filter(|finds| finds.has_begun()).is_none_or(|finds| {
                let is_new = below(&self.list, self, finds) > self.list.asked_below(&self.store);
                is_new || finds.is_over() && self.loading.done
            })
    }

    /// Has the filter ask more rows.
    pub(in crate::tui) fn ask_rows(&mut self, count: usize) {
        let generation = Some(self.list.generation());
        let is_scanning = self.list.is_scanning(&self.store);
        if !is_scanning || self.elsewhere.asked != generation {
            self.elsewhere.filter = None;
        }
        if !is_scanning {
            return;
        }
        if self.elsewhere.asked != generation && self.is_long() {
            self.seek_filtered();
        }
        let Some(mut finds) = self.elsewhere.filter.take_if(|finds| finds.has_begun()) else {
            self.list.scan(&self.store, count);
            return;
        };
        let below = finds.upto(below(&self.list, self, &finds), AT_ONCE);
        self.list
            .take_found(&self.store, below, || finds.next(below));
        // What a file had no more of when it was read again is asked row by row.
        let is_all = finds.is_over() && below >= finds.asked();
        if !(is_all && self.loading.done) {
            self.elsewhere.filter = Some(finds);
        }
    }

    fn seek_filtered(&mut self) {
        let Some(filter) = self.list.filter().cloned() else {
            return;
        };
        let mut keys = Vec::new();
        // Several engines do not count streams as one does.
        if filter.asks(FieldId::TcpStream) {
            return;
        }
        // Engines do not know the numbers of connections, and here they are known when all are.
        if filter.asks(FieldId::Connection) {
            if !self.loading.done {
                return;
            }
            let entries = self.store.connections().iter();
            keys.extend(entries.map(|entry| ConnectionKey::of(&entry.connection)));
        }
        self.elsewhere.asked = Some(self.list.generation());
        self.elsewhere.filter = Some(self.seek(By::Filter(filter, keys)));
    }

    /// Has the hits of a search be sought.
    pub(super) fn seek_hits(&mut self) {
        if !self.is_long() || self.list.sorted() > 0 {
            return;
        }
        if let Some(needle) = self.needle.clone() {
            let finds = self.seek(By::Needle(needle));
            if let Some(tally) = &mut self.tally {
                tally.finds = Some(finds);
            }
        }
    }

    /// Stops asking rows, or counting hits; whether that was going on.
    pub(super) fn stop_asking(&mut self) -> bool {
        if self.list.is_scanning(&self.store) {
            self.list.stop();
            self.notice = "stopped: the rows found so far are listed".to_owned();
            return true;
        }
        let is_counting = |tally: &Tally| tally.is_going(&self.store, &self.list);
        self.tally.take_if(|tally| is_counting(tally)).is_some()
    }

    /// Whether the search has a row to look at now.
    pub(super) fn is_searching_here(&self) -> bool {
        let Some(search) = &self.search else {
            return false;
        };
        self.leading_tally().is_none_or(|tally| match search.up {
            true => tally.at < search.from,
            false => tally.at <= search.at,
        })
    }

    /// The hits of what is searched for, where they are known from the first row on, faster than a search looks at rows.
    fn leading_tally(&self) -> Option<&Tally> {
        let tally = self.tally.as_ref()?;
        let leads = tally.is_fed() || !tally.is_going(&self.store, &self.list);
        (leads && tally.listed.starts_with(&self.listed())).then_some(tally)
    }

    /// Goes on with a search.
    pub(super) fn search_rows(&mut self, count: usize) {
        self.search_elsewhere();
        if !self.is_searching_here() {
            return;
        }
        for _ in 0..count {
            let Some(search) = &mut self.search else {
                return;
            };
            match search.advance(&self.store, &self.list) {
                Progress::Going => {}
                Progress::Found(at) => self.found(at),
                Progress::Nowhere => {
                    self.notice = format!("not found: {}", search.needle.text);
                    self.search = None;
                }
            }
        }
        self.tell_search();
    }

    /// Ends a search by what was found elsewhere.
    fn search_elsewhere(&mut self) {
        let (Some(search), Some(tally)) = (&self.search, self.leading_tally()) else {
            return;
        };
        let is_all = !tally.is_going(&self.store, &self.list);
        let found = match search.up {
            true if tally.at >= search.from || is_all => tally.before(search.from),
            true => None,
            false => tally.after(search.from),
        };
        match found.or_else(|| tally.next(search.from, search.up).filter(|_| is_all)) {
            Some(at) => self.found(at),
            None if is_all => {
                self.notice = format!("not found: {}", search.needle.text);
                self.search = None;
            }
            None => self.tell_search(),
        }
    }

    /// Says how far a search is.
    fn tell_search(&mut self) {
        let Some(search) = &self.search else { return };
        let len = self.list.len(&self.store).max(1);
        let counted = self.leading_tally().map_or(0, |tally| tally.at);
        let looked = (len - search.left.min(len)).max(counted);
        let percent = (looked * 100 / len).min(100);
        self.notice = format!("searching… {percent}% (Esc stops)");
    }
}

/// The rows of the index below this place were asked elsewhere and are here.
fn below(list: &List, app: &App, finds: &Finds) -> usize {
    let all = match list.kind {
        Kind::Messages => app.store.message_count(),
        _ => app.store.frame_count(),
    };
    finds.asked().min(all)
}
