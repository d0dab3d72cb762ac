//! The system calls that the process can't make: seccomp.
//!
//! The calls in the list are refused, all others are allowed. A list of allowed calls would leave an attacker less, but
//! break with the next version of a library. This list has calls that no version of a server needs: starting programs,
//! looking into other processes, changing the machine, and the parts of the kernel that had most of its security holes.

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch, apply_filter};

/// Refused on every machine.
const REFUSED: &[libc::c_long] = &[
    // Programs. Files without a name can be executed, too, without Landlock noticing.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Other processes, and their open files.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Mounts, and other ways to change where paths lead.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // Namespaces.
    libc::SYS_unshare,
    libc::SYS_setns,
    // The machine.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    // Large attack surfaces of the kernel. io_uring does the work of calls without making them, so no list would hold
    // for it.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_personality,
];

/// Refused on machines that have these calls.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[libc::c_long] = &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[libc::c_long] = &[];

/// On x86-64 a kernel may accept each call under a second number with this bit (the x32 interface), and some under a
/// third, from 512 on.
#[cfg(target_arch = "x86_64")]
const X32: libc::c_long = 0x4000_0000;
#[cfg(target_arch = "x86_64")]
const X32_ALONE: std::ops::RangeInclusive<libc::c_long> = 512..=547;

/// The filter, not yet in force.
#[derive(Debug)]
pub(super) struct Calls(BpfProgram);

impl Calls {
    /// # Errors
    /// Why no filter is possible.
    pub(super) fn prepare() -> Result<Self, String> {
        let architecture = TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
        let refused: BTreeMap<_, _> = numbers().map(|number| (number, Vec::new())).collect();
        let refusal = SeccompAction::Errno(rustix::io::Errno::PERM.raw_os_error().unsigned_abs());
        let filter = SeccompFilter::new(refused, SeccompAction::Allow, refusal, architecture);
        let program = filter.and_then(BpfProgram::try_from);
        program.map(Self).map_err(|error| error.to_string())
    }

    /// Puts the filter in force for this thread and the threads that it starts.
    ///
    /// # Errors
    /// Why it is not in force.
    pub(super) fn enter(self) -> Result<(), String> {
        apply_filter(&self.0).map_err(|error| match std::error::Error::source(&error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        })
    }
}

fn numbers() -> impl Iterator<Item = libc::c_long> {
    let listed = REFUSED.iter().chain(REFUSED_HERE).copied();
    #[cfg(target_arch = "x86_64")]
    let listed = listed.flat_map(|number| [number, number | X32]).chain(X32_ALONE.map(|number| number | X32));
    listed
}

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;
