//! The terminal taken and given back: on leaving, on a panic, on signals, and when the program is stopped and goes on.

use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::Show;
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::CrosstermBackend;

/// The terminal while it is ours. Dropping it gives it back.
pub(super) struct Terminal {
    /// Where pictures are drawn. Never dropped: it would complain on a stderr that may be as gone as the terminal, and
    /// [`give_back`] does what it would do.
    pub(super) screen: ManuallyDrop<ratatui::Terminal<CrosstermBackend<io::Stdout>>>,
    /// Where keys come from, when standard input is a pipe.
    #[cfg(unix)]
    keys: Option<std::fs::File>,
    end: Arc<AtomicBool>,
    back: Arc<AtomicBool>,
}

/// The terminal that the program was started on, unless standard input is it; crossterm takes keys from the same.
#[cfg(unix)]
fn keys() -> io::Result<Option<std::fs::File>> {
    use std::io::IsTerminal as _;
    match io::stdin().is_terminal() {
        true => Ok(None),
        false => std::fs::File::open("/dev/tty").map(Some),
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        EnableMouseCapture,
        EnableBracketedPaste
    )
}

/// Gives the terminal back; what fails of it cannot be helped any more.
fn give_back() {
    let mut out = io::stdout();
    let _ = execute!(
        out,
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
}

impl Terminal {
    /// Takes the terminal.
    pub(super) fn enter() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                give_back();
                before(info);
            }));
        });
        let end = Arc::<AtomicBool>::default();
        let back = Arc::<AtomicBool>::default();
        #[cfg(unix)]
        {
            use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM};
            for signal in [SIGTERM, SIGHUP, SIGINT] {
                signal_hook::flag::register(signal, Arc::clone(&end))?;
            }
            signal_hook::flag::register(SIGCONT, Arc::clone(&back))?;
        }
        #[cfg(unix)]
        let keys = keys()?;
        if let Err(error) = take() {
            give_back();
            return Err(error);
        }
        let screen = ratatui::Terminal::new(CrosstermBackend::new(io::stdout()));
        match screen {
            Ok(screen) => Ok(Self {
                screen: ManuallyDrop::new(screen),
                #[cfg(unix)]
                keys,
                end,
                back,
            }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Whether a signal asked for the end.
    pub(super) fn told_to_end(&self) -> bool {
        self.end.load(Ordering::Relaxed)
    }

    /// Waits for a key, for no longer than this. A terminal that is gone asks for the end.
    ///
    /// This comes before every question to crossterm, whose reader never returns from a terminal that has hung up.
    #[cfg(unix)]
    pub(super) fn wait(&self, longest: Duration) -> io::Result<()> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        let stdin = io::stdin();
        let mut terminal = match &self.keys {
            Some(keys) => [PollFd::new(keys, PollFlags::IN)],
            None => [PollFd::new(&stdin, PollFlags::IN)],
        };
        match poll(&mut terminal, Timespec::try_from(longest).ok().as_ref()) {
            // A signal: the loop looks at what it was.
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if terminal[0]
            .revents()
            .intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
        {
            self.end.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Waits for a key, for no longer than this.
    #[cfg(not(unix))]
    pub(super) fn wait(&self, longest: Duration) -> io::Result<()> {
        crossterm::event::poll(longest).map(drop)
    }

    /// After the program was stopped and goes on: takes the terminal again, and says so.
    pub(super) fn came_back(&mut self) -> io::Result<bool> {
        if !self.back.swap(false, Ordering::Relaxed) {
            return Ok(false);
        }
        take()?;
        self.screen.clear()?;
        Ok(true)
    }

    /// Stops the program as Ctrl-Z does, with the terminal given back meanwhile.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        #[cfg(unix)]
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        self.back.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Puts text on the clipboard of the terminal (OSC 52), which also works over ssh.
    pub(super) fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout();
        execute!(out, CopyToClipboard::to_clipboard_from(text))?;
        out.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}
