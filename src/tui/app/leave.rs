//! Leaving, with packets that were captured and not saved, and the file that is being saved.

use crate::tui::live::Leaving;
use crate::tui::prompt::{Ask, Prompt, Save};

use super::{App, Effect};

/// Under what name captured packets are saved unless another is typed.
const CAPTURE: &str = "capture.pcapng";

impl App {
    /// Leaves, but not over a file that is being saved, and not without a word over packets that nobody has.
    pub(super) fn leave_program(&mut self) {
        let live = self.live.as_ref();
        let is_lost = live.is_some_and(|live| !live.is_saved && live.counts.received > live.saved);
        match &self.saving {
            Some(file) => {
                self.notice = format!("{file} is still being saved: wait, or stop that with Esc");
            }
            None if is_lost => self.prompt = Some(Prompt::new(Ask::Leave, "")),
            None if self.has_unsaved_remarks() => {
                self.prompt = Some(Prompt::new(Ask::LeaveRemarks, ""));
            }
            None => self.quit = true,
        }
    }

    /// Saves everything that was captured, and then leaves.
    pub(super) fn save_and_leave(&mut self) {
        self.prompt = Some(Prompt::new(Ask::File(Save::CaptureAndLeave), CAPTURE));
    }

    /// Asks where to save everything that was captured.
    pub(super) fn save_capture(&mut self) {
        match self.live {
            Some(_) => self.prompt = Some(Prompt::new(Ask::File(Save::Capture), CAPTURE)),
            None => self.notice = "the capture is a file already".to_owned(),
        }
    }

    /// Asks where to save all packets with marks and comments.
    pub(super) fn save_whole(&mut self, what: Save) {
        let name = self.name.rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = name.split('.').next().unwrap_or_default();
        let is_file = self.live.is_none() && !stem.is_empty() && !stem.contains(',');
        let name = match is_file {
            true => format!("{stem}-marked.pcapng"),
            false => CAPTURE.to_owned(),
        };
        self.prompt = Some(Prompt::new(Ask::File(what), &name));
    }

    /// A file begins to be saved.
    pub(in crate::tui) fn saves(&mut self, what: Save, path: String) {
        let live = self.live.as_ref();
        let is_all = matches!(what, Save::Capture | Save::CaptureAndLeave);
        self.leaving = Leaving {
            when_saved: matches!(what, Save::CaptureAndLeave | Save::WholeAndLeave),
            has_remarks: matches!(what, Save::Whole | Save::WholeAndLeave),
            packets: live.filter(|_| is_all).map(|live| live.counts.received),
            told: None,
        };
        (self.saving, self.saved_percent) = (Some(path), 0);
    }

    /// The file is written, or not.
    pub(in crate::tui) fn saved(&mut self, told: &str, is_written: bool) {
        told.clone_into(&mut self.notice);
        self.saving = None;
        let leaving = std::mem::take(&mut self.leaving);
        if !is_written {
            return;
        }
        if let (Some(live), Some(packets)) = (&mut self.live, leaving.packets) {
            live.saved = packets;
        }
        if leaving.has_remarks {
            self.remarks.is_unsaved = false;
        }
        if leaving.when_saved {
            self.leaving.told = Some(told.to_owned());
            self.quit = true;
        }
    }

    /// What was saved before the program ended.
    #[must_use]
    pub fn farewell(&self) -> Option<&str> {
        self.leaving.told.as_deref()
    }

    /// Stops saving, if anything is being saved.
    pub(super) fn stop_saving(&mut self) -> bool {
        let Some(file) = self.saving.take() else {
            return false;
        };
        self.leaving = Leaving::default();
        self.effects.push(Effect::StopSaving);
        self.notice = format!("stopped: {file} is not saved");
        true
    }
}
