//! What the program can no longer do once a device and the outputs are open: traffic of strangers is about to be parsed, and
//! whatever would come of a mistake there finds no network, no program to start and no place to write but the outputs' own.
//!
//! Two means of Linux, each as far as the kernel has it. Landlock holds for a thread and those that it starts later: files
//! are made, changed and removed in the folders of outputs and of temporary files only, and TCP neither connects nor listens. A
//! filter of system calls (seccomp) holds for all threads at once: no other program, no sockets but those that ask the
//! kernel whose connections there are, no looking into other processes' memory, nothing of the system's administration.
//! What is refused fails as a missing permission does. Reading files stays possible: key logs and schemas are named later, too.
//!
//! A command that is captured has to be started before, and is not confined.

use std::path::PathBuf;

/// What may be written from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// Folders in which files may be made, changed and removed.
    folders: Vec<PathBuf>,
}

impl Sandbox {
    /// Confines to these folders, and to those of temporary files.
    #[must_use]
    pub fn new(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        let temporary = [std::env::temp_dir(), PathBuf::from("/var/tmp")];
        Self {
            folders: folders.into_iter().chain(temporary).collect(),
        }
    }

    /// Confines this thread and those it starts from now on.
    ///
    /// # Errors
    /// When the kernel could and does not.
    pub fn enter_thread(&self) -> Result<(), String> {
        system::confine_files(&self.folders)
    }

    /// The same, and refuses system calls to all threads of the program.
    ///
    /// # Errors
    /// As [`Self::enter_thread`].
    pub fn enter(&self) -> Result<(), String> {
        self.enter_thread()?;
        system::refuse_calls()
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::PathBuf;

    use landlock::{
        ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr,
        RulesetCreatedAttr, Scope,
    };

    /// The rights that are known here; a kernel that knows fewer confines less.
    const KNOWN: ABI = ABI::V6;

    pub(super) fn confine_files(folders: &[PathBuf]) -> Result<(), String> {
        let inside: BitFlags<AccessFs> = AccessFs::WriteFile
            | AccessFs::Truncate
            | AccessFs::MakeReg
            | AccessFs::MakeDir
            | AccessFs::RemoveFile
            | AccessFs::RemoveDir
            | AccessFs::Refer;
        let terminal = AccessFs::WriteFile | AccessFs::IoctlDev;
        let folders = folders.iter().map(|folder| (folder.clone(), inside));
        let devices = ["/dev/null", "/dev/tty"].map(|path| (PathBuf::from(path), terminal));
        let confine = || {
            let mut ruleset = Ruleset::default()
                .handle_access(AccessFs::from_write(KNOWN) | AccessFs::Execute)?
                .handle_access(AccessNet::from_all(KNOWN))?
                .scope(Scope::AbstractUnixSocket)?
                .create()?;
            for (path, access) in folders.chain(devices) {
                // What is not there cannot be written in either.
                if let Ok(place) = PathFd::new(&path) {
                    ruleset = ruleset.add_rule(PathBeneath::new(place, access))?;
                }
            }
            ruleset.restrict_self()
        };
        let confined: Result<_, landlock::RulesetError> = confine();
        confined.map(|_| ()).map_err(|error| error.to_string())
    }

    #[cfg(not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    )))]
    pub(super) fn refuse_calls() -> Result<(), String> {
        Ok(())
    }

    /// Refuses with EPERM. What else the program calls is its own affair: a list of all that libraries may call would break
    /// with each of them.
    #[cfg(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    ))]
    pub(super) fn refuse_calls() -> Result<(), String> {
        use seccompiler::{
            BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
            SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
        };

        let not_netlink = SeccompCondition::new(
            0,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::Ne,
            u64::from(libc::AF_NETLINK.unsigned_abs()),
        );
        let filter = || -> Result<BpfProgram, seccompiler::BackendError> {
            let sockets = vec![SeccompRule::new(vec![not_netlink?])?];
            let always = REFUSED.iter().map(|call| (*call, Vec::new()));
            let rules = always.chain([(libc::SYS_socket, sockets)]).collect();
            let errno = SeccompAction::Errno(libc::EPERM.unsigned_abs());
            let arch = TargetArch::try_from(std::env::consts::ARCH)?;
            SeccompFilter::new(rules, SeccompAction::Allow, errno, arch)?.try_into()
        };
        let filter = filter().map_err(|error| error.to_string())?;
        match apply_filter_all_threads(&filter) {
            // A kernel without it, or a system that gives programs another filter and no second one.
            Err(Error::Prctl(error) | Error::Seccomp(error))
                if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS)) =>
            {
                Ok(())
            }
            other => other.map_err(|error| error.to_string()),
        }
    }

    #[cfg(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64"
    ))]
    const REFUSED: &[libc::c_long] = &[
        // other programs
        libc::SYS_execve,
        libc::SYS_execveat,
        // the network; of netlink's sockets nothing is accepted
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        // other processes, and ways around this filter
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_io_uring_setup,
        libc::SYS_userfaultfd,
        libc::SYS_open_by_handle_at,
        // the kernel and the system
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        libc::SYS_kexec_file_load,
        libc::SYS_reboot,
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_acct,
        libc::SYS_sethostname,
        libc::SYS_setdomainname,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        libc::SYS_add_key,
        libc::SYS_request_key,
        libc::SYS_keyctl,
    ];
}

/// Elsewhere nothing of the kind is tried.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::path::PathBuf;

    pub(super) fn confine_files(_: &[PathBuf]) -> Result<(), String> {
        Ok(())
    }

    pub(super) fn refuse_calls() -> Result<(), String> {
        Ok(())
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{ErrorKind, Write as _};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::path::Path;
    use std::process::Command;

    use super::*;
    use crate::testkit;

    /// Tells the same test in a process of its own that it is that, and in which folder it may write.
    const INSIDE: &str = "WIRELOUPE_TEST_SANDBOX";

    /// What is refused, one line each; nothing of it can be tried in a process that has other tests to run.
    fn refused(folder: &Path) -> Vec<String> {
        let outside = folder.with_extension("outside");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        let before = File::create(folder.join("before")).unwrap();
        let status = || std::fs::read_to_string("/proc/self/status").unwrap();
        if !status().contains("\nSeccomp:") {
            return vec!["no seccomp".into()];
        }
        // A thread that runs already is not confined in what it writes, but refused what all are.
        let (begin, begun) = std::sync::mpsc::channel::<()>();
        let earlier = std::thread::spawn(move || {
            let _ = begun.recv();
            Command::new("true").status().map(|_| ())
        });
        let sandbox = Sandbox {
            folders: vec![folder.to_owned()],
        };
        sandbox.enter().unwrap();
        begin.send(()).unwrap();
        let tries: [(&str, std::io::Result<()>); 8] = [
            ("make a file", File::create(&outside).map(|_| ())),
            ("make a folder", std::fs::create_dir(&outside)),
            (
                "change a file",
                File::options().append(true).open("/etc/passwd").map(|_| ()),
            ),
            ("connect", TcpStream::connect(to).map(|_| ())),
            ("listen", TcpListener::bind("127.0.0.1:0").map(|_| ())),
            ("send datagrams", UdpSocket::bind("127.0.0.1:0").map(|_| ())),
            ("start a program", Command::new("true").status().map(|_| ())),
            ("start one in an earlier thread", earlier.join().unwrap()),
        ];
        let mut lines: Vec<String> = tries
            .into_iter()
            .filter(|(_, done)| {
                matches!(done, Err(error) if error.kind() == ErrorKind::PermissionDenied)
            })
            .map(|(what, _)| what.to_owned())
            .collect();
        // What stays possible.
        let inside = folder.join("inside");
        (&before).write_all(b"x").unwrap();
        File::create(&inside).unwrap().write_all(b"x").unwrap();
        std::fs::rename(&inside, folder.join("renamed")).unwrap();
        std::fs::remove_file(folder.join("renamed")).unwrap();
        File::create("/dev/null").unwrap().write_all(b"x").unwrap();
        std::fs::read("/etc/passwd").unwrap();
        let later = std::thread::spawn(move || File::create(&outside).is_err());
        if later.join().unwrap() {
            lines.push("make a file in a later thread".into());
        }
        lines
    }

    /// What the kernel says, not what came of confining.
    fn has_landlock() -> bool {
        use landlock::{
            ABI, Access as _, AccessFs, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
        };
        Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(ABI::V1))
            .and_then(Ruleset::create)
            .is_ok()
    }

    #[test]
    fn what_is_forbidden_is_refused_and_what_is_needed_is_not() {
        if let Some(folder) = std::env::var_os(INSIDE) {
            let folder = PathBuf::from(folder);
            std::fs::write(folder.join("refused"), "").unwrap();
            let report = File::options()
                .append(true)
                .open(folder.join("refused"))
                .unwrap();
            for line in refused(&folder) {
                writeln!(&report, "{line}").unwrap();
            }
            return;
        }
        let folder = tempfile::tempdir_in(std::env::current_dir().unwrap().join("target")).unwrap();
        let name =
            "capture::live::sandbox::tests::what_is_forbidden_is_refused_and_what_is_needed_is_not";
        let done = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(INSIDE, folder.path())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stdout)
        );
        let refused = std::fs::read_to_string(folder.path().join("refused")).unwrap();
        if refused.contains("no seccomp") {
            return testkit::skip("this kernel has no seccomp");
        }
        if !has_landlock() {
            return testkit::skip("this kernel has no Landlock");
        }
        let expected = [
            "make a file",
            "make a folder",
            "change a file",
            "connect",
            "listen",
            "send datagrams",
            "start a program",
            "start one in an earlier thread",
            "make a file in a later thread",
        ];
        assert_eq!(refused.lines().collect::<Vec<_>>(), expected);
    }
}
