//! The rights to capture: who has them, what to do about lacking them, and giving them up once the device is open.
//!
//! After a device is open nothing needs the rights any more, and traffic of strangers is about to be parsed. On Linux
//! rights belong to a thread, and new threads inherit them: [`give_up`] is to be called before others are started.

use std::{fs::File, path::Path};

/// A group and a user to go back to after `sudo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SudoUser {
    uid: u32,
    gid: u32,
}

/// The user who called `sudo`, when that is how this process came to be root.
fn sudo_user() -> Option<SudoUser> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let id = |name| std::env::var(name).ok()?.parse::<u32>().ok();
    let user = SudoUser {
        uid: id("SUDO_UID")?,
        gid: id("SUDO_GID")?,
    };
    (user.uid != 0).then_some(user)
}

/// Gives a file made under `sudo` to the user who called it, who will want to read and delete it.
pub fn hand_to_sudo_user(file: &File) {
    if let Some(user) = sudo_user() {
        // Where the file system refuses, the file is root's, as it would be without this.
        let _ = std::os::unix::fs::fchown(file, Some(user.uid), Some(user.gid));
    }
}

/// The variables by which a command that `sudo` called finds itself with the user who called it: `None` removes one.
#[must_use]
pub fn sudo_environment() -> Vec<(&'static str, Option<String>)> {
    let Some(user) = sudo_user() else {
        return Vec::new();
    };
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let (name, home) = entry(&users, user.uid).unzip();
    let name = name.or_else(|| std::env::var("SUDO_USER").ok());
    let mut variables: Vec<_> = ["SUDO_UID", "SUDO_GID", "SUDO_USER", "SUDO_COMMAND"]
        .map(|variable| (variable, None))
        .into();
    let known = [("USER", &name), ("LOGNAME", &name), ("HOME", &home)];
    let known = known.into_iter().filter(|(_, value)| value.is_some());
    variables.extend(known.map(|(variable, value)| (variable, value.clone())));
    variables
}

/// Name and home of a user in the text of `/etc/passwd`.
fn entry(users: &str, id: u32) -> Option<(String, String)> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, uid) = (fields.next()?, fields.nth(1)?);
        let home = fields.nth(2)?;
        (uid.parse() == Ok(id)).then(|| (name.to_owned(), home.to_owned()))
    })
}

/// What is still to be done with files after the rights are given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Files {
    /// All are open already, or are made where anybody may.
    Open,
    /// More will be made beside the first: a ring.
    More,
}

/// Gives up the rights to capture, for this thread and those it starts from now on.
///
/// Under `sudo` the thread becomes the user who called it, unless a ring still has files to make where that user may not.
/// Real root keeps its way past file permissions and nothing else. Everybody else keeps nothing.
#[cfg(target_os = "linux")]
pub(super) fn give_up(files: Files) -> Result<(), String> {
    use caps::{CapSet, Capability, CapsHashSet};

    let root = rustix::process::geteuid().is_root();
    match sudo_user() {
        Some(user) if files == Files::Open => become_user(user)?,
        _ => {}
    }
    let held = caps::read(None, CapSet::Permitted).map_err(|error| error.to_string())?;
    let keep: CapsHashSet = match root && rustix::process::geteuid().is_root() {
        true => [Capability::CAP_DAC_OVERRIDE, Capability::CAP_CHOWN].into(),
        false => CapsHashSet::new(),
    };
    let kept: CapsHashSet = held.intersection(&keep).copied().collect();
    for set in [CapSet::Ambient, CapSet::Inheritable] {
        // Old kernels have no ambient set, and then there is nothing in it.
        let _ = caps::clear(None, set);
    }
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::set(None, set, &kept).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Elsewhere the right to capture is that of opening `/dev/bpf`, and an open device is not more than that.
#[cfg(not(target_os = "linux"))]
pub(super) fn give_up(_files: Files) -> Result<(), String> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn become_user(user: SudoUser) -> Result<(), String> {
    use rustix::{
        process::{Gid, Uid},
        thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid},
    };

    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    set_thread_groups(&[gid])
        .and_then(|()| set_thread_res_gid(gid, gid, gid))
        .and_then(|()| set_thread_res_uid(uid, uid, uid))
        .map_err(|error| format!("cannot become user {} again: {error}", user.uid))
}

/// What a user without the right to capture can do about it.
pub(super) fn remedy() -> String {
    if cfg!(not(target_os = "linux")) {
        return "run it with sudo, or let your user read /dev/bpf* (Wireshark's ChmodBPF does)"
            .into();
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let program = std::env::current_exe().unwrap_or_else(|_| "wireloupe".into());
    linux_remedy(&status, &program)
}

/// [`remedy`] from the text of `/proc/self/status` and the path of the program.
fn linux_remedy(status: &str, program: &Path) -> String {
    const CAP_NET_RAW: u64 = 1 << 13;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::trim)
    };
    let bounding = field("CapBnd:").and_then(|hex| u64::from_str_radix(hex, 16).ok());
    if bounding.is_some_and(|set| set & CAP_NET_RAW == 0) {
        return "this container may not capture at all: start it with --cap-add=NET_RAW --cap-add=NET_ADMIN".into();
    }
    let command = format!(
        "sudo setcap cap_net_raw,cap_net_admin=eip {}",
        shell_word(program)
    );
    match field("NoNewPrivs:") {
        Some("1") => format!(
            "run it with sudo: this session cannot gain rights, so this would not help here: {command}"
        ),
        _ => format!("allow it once for all users: {command}"),
    }
}

/// A path as a word of a shell command.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    match text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c))
    {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_fits_the_machine() {
        let all = "CapBnd:\t000001ffffffffff\nNoNewPrivs:\t0\n";
        assert_eq!(
            linux_remedy(all, Path::new("/usr/bin/wireloupe")),
            "allow it once for all users: sudo setcap cap_net_raw,cap_net_admin=eip /usr/bin/wireloupe"
        );
        let docker = "CapBnd:\t00000000a80425fb\n";
        assert!(
            linux_remedy(docker, Path::new("/x")).contains("setcap"),
            "raw sockets are in docker's default"
        );
        assert!(
            linux_remedy("CapBnd:\t0000000000000000\n", Path::new("/x"))
                .contains("--cap-add=NET_RAW")
        );
        assert!(linux_remedy("NoNewPrivs:\t1\n", Path::new("/x")).starts_with("run it with sudo"));
    }

    #[test]
    fn a_user_s_home_is_found() {
        let users = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000:Ada,,,:/home/ada:/bin/bash\n";
        let ada = Some(("ada".to_owned(), "/home/ada".to_owned()));
        assert_eq!(entry(users, 1000), ada);
        assert_eq!(entry(users, 7), None);
    }

    #[test]
    fn a_path_with_blanks_is_quoted() {
        assert_eq!(
            shell_word(Path::new("/my tools/it's")),
            r"'/my tools/it'\''s'"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_gave_up_its_rights_has_none() {
        use caps::{CapSet, Capability};
        let left = std::thread::spawn(|| {
            give_up(Files::Open).unwrap();
            caps::read(None, CapSet::Permitted).unwrap()
        });
        let left = left.join().unwrap();
        assert!(
            !left.contains(&Capability::CAP_NET_RAW) && !left.contains(&Capability::CAP_NET_ADMIN)
        );
        assert!(!left.contains(&Capability::CAP_SYS_ADMIN));
    }
}
