//! The crash report: what is written to the log when the process dies of its own fault.
//!
//! ```text
//!   === REDIS BUG REPORT START: ...     the markers are the reference's, since tools and people look for them
//!   # Hematite crashed by signal: 11
//!   ------ STACK TRACE ------
//!   ------ REGISTERS ------             after a signal
//!   ------ INFO OUTPUT ------           the witness speaks from here
//!   ------ CLIENT LIST OUTPUT ------
//!   ------ CURRENT CLIENT INFO ------
//!   === REDIS BUG REPORT END. ...
//! ```
//!
//! Two ways lead here. A *fault* (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) comes with a signal:
//! the handler runs on a stack of its own and ends by raising the signal again with its default
//! action, so that the exit status and the core are those of the fault. A *panic* comes through the
//! panic hook, which sees the stack as it was, reports, and aborts: a server whose invariants are
//! broken must not go on.
//!
//! What the server itself has to say it says through [`Testify`]. At that moment the heap, a lock
//! or the server may be in any state. Therefore the report is written piece by piece, the certain
//! parts first, straight to the file ([`RawLog`]); the log's own buffers are not touched; a second
//! fault inside the report ends it; and an alarm ends a report that hangs on a lock.

#![expect(unsafe_code, reason = "signal handlers, and a look at a server that is about to end")]

use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering};

use crate::base::alloc;
use crate::process::raw_log::RawLog;
use crate::process::watchdog;

/// Somebody who knows what the process was doing.
pub trait Testify {
    /// Writes sections of the report.
    fn testify(&mut self, report: &mut Report);
}

/// The report being written.
pub struct Report {
    log: RawLog,
    /// What users sent is not to be shown. The server says so before its call speaks.
    pub hides_user_data: bool,
}

impl Report {
    fn open() -> Report {
        Report { log: RawLog::open(), hides_user_data: true }
    }

    /// Begins a section.
    pub fn section(&mut self, title: &str) {
        self.log.put(format_args!("\n------ {title} ------\n"));
    }

    pub fn text(&mut self, bytes: &[u8]) {
        self.log.write(bytes);
    }

    /// A section whose making may fail in any way: what it panics of is passed over.
    pub fn try_section(&mut self, title: &str, make: impl FnOnce() -> Vec<u8>) {
        self.section(title);
        match panic::catch_unwind(AssertUnwindSafe(make)) {
            Ok(bytes) => self.text(&bytes),
            Err(_) => self.text(b"(could not be told)\n"),
        }
    }
}

const FAULTS: [i32; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT];
/// A report that takes longer hangs.
const REPORT_SECONDS: u32 = 20;
/// The handler's stack: symbols are looked up on it.
const STACK_SIZE: usize = 1 << 20;

type Speak = fn(*mut c_void, &mut Report);

/// A pointer to a witness and the function that knows its type.
struct Witness {
    subject: AtomicPtr<c_void>,
    speak: OnceLock<Speak>,
}

impl Witness {
    const fn none() -> Witness {
        Witness { subject: AtomicPtr::new(std::ptr::null_mut()), speak: OnceLock::new() }
    }

    fn testify(&self, report: &mut Report) {
        let subject = self.subject.load(Ordering::SeqCst);
        if let (false, Some(speak)) = (subject.is_null(), self.speak.get()) {
            speak(subject, report);
        }
    }
}

/// Who knows the process, and who knows the call under way.
static SERVER: Witness = Witness::none();
static CALL: Witness = Witness::none();

/// A report has begun; a second one is not written.
static REPORTING: AtomicBool = AtomicBool::new(false);
/// The signal whose report is being written.
static REPORTED: AtomicI32 = AtomicI32::new(libc::SIGABRT);
/// `crash-log-enabled`.
static ENABLED: AtomicBool = AtomicBool::new(false);

/// Forgets a witness when it is dropped. Private, so that none can be leaked.
struct Watched {
    witness: &'static Witness,
    former: *mut c_void,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.witness.subject.store(self.former, Ordering::Relaxed);
    }
}

fn speak_as<T: Testify>(subject: *mut c_void, report: &mut Report) {
    // SAFETY: the pointer was made from a live `Box<T>` by `watch` and is taken back by
    // `Watched::drop` before that borrow ends. The code that was interrupted may hold a `&mut` to
    // the same value: this is a look at a process that does not go on, so nothing runs afterwards
    // that could rely on exclusiveness. The value may be half changed; what comes of that is a
    // fault inside the report, which ends it.
    unsafe { (*subject.cast::<T>()).testify(report) }
}

fn watch<T: Testify>(witness: &'static Witness, subject: &mut T) -> Watched {
    if witness.speak.get().is_none() {
        let _ = witness.speak.set(speak_as::<T>); // The same type every time.
    }
    // A plain load and store: whoever interrupts runs on this thread.
    let former = witness.subject.load(Ordering::Relaxed);
    witness.subject.store(std::ptr::from_mut(subject).cast(), Ordering::Relaxed);
    Watched { witness, former }
}

/// Runs `body` on a server that will be asked to testify if the process crashes meanwhile. What is
/// in the box must stay there.
pub fn watched<T: Testify, R>(server: &mut Box<T>, body: impl FnOnce(&mut Box<T>) -> R) -> R {
    let _watched = watch(&SERVER, &mut **server);
    body(server)
}

/// Runs `body` on a call that a report will show as being under way. What is in the box must stay
/// there.
#[inline]
pub fn under_way<T: Testify, R>(call: &mut Box<T>, body: impl FnOnce(&mut Box<T>) -> R) -> R {
    let _watched = watch(&CALL, &mut **call);
    body(call)
}

/// Writes or does not write reports from now on.
pub fn enable(yes: bool) {
    ENABLED.store(yes, Ordering::SeqCst);
}

/// Installs the handlers and the panic hook for the life of the process.
pub fn install() {
    let stack = Box::leak(vec![0u8; STACK_SIZE].into_boxed_slice());
    // SAFETY: the stack is leaked, so it stays valid as long as handlers may run on it. A zeroed
    // `sigaction` is valid; the handlers have the signatures that their flags ask for.
    unsafe {
        let alternate =
            libc::stack_t { ss_sp: stack.as_mut_ptr().cast(), ss_flags: 0, ss_size: STACK_SIZE };
        libc::sigaltstack(&raw const alternate, std::ptr::null_mut());
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void) = on_fault;
        action.sa_sigaction = handler as libc::sighandler_t;
        for signal in FAULTS {
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
    watchdog::install();
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| on_panic(info, &*default)));
}

/// Ends the process by the default action of a signal.
fn die(signal: i32) -> ! {
    // SAFETY: restoring a default action and raising the signal are allowed in handlers. The signal
    // is not blocked, since the handlers are installed with SA_NODEFER; `abort` is for the case
    // that it did not end the process.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
        libc::signal(libc::SIGABRT, libc::SIG_DFL);
    }
    std::process::abort()
}

/// The alarm has gone off: if there is a report under way, it hangs.
pub(super) fn give_up_report() {
    if !REPORTING.load(Ordering::SeqCst) {
        return;
    }
    RawLog::open().write(b"\n(the report took too long and was given up)\n");
    die(REPORTED.load(Ordering::SeqCst));
}

extern "C" fn on_fault(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    if !ENABLED.load(Ordering::SeqCst) || REPORTING.swap(true, Ordering::SeqCst) {
        die(signal);
    }
    begin(signal);
    let mut report = Report::open();
    report.text(START);
    report.log.put(format_args!("# Hematite {VERSION} crashed by signal: {signal}"));
    // SAFETY: with SA_SIGINFO the kernel hands over a valid `siginfo_t`; which of its fields have a
    // meaning is decided by `si_code`: positive for faults of the processor (address), zero or
    // negative for a sender (pid, uid).
    unsafe {
        let code = (*info).si_code;
        report.log.put(format_args!(", si_code: {code}\n"));
        if code > 0 {
            report.log.put(format_args!("# Accessing address: {:p}\n", (*info).si_addr()));
        } else {
            let (pid, uid) = ((*info).si_pid(), (*info).si_uid());
            report.log.put(format_args!("# Killed by PID: {pid}, UID: {uid}\n"));
        }
    }
    let registers = Registers::of(context);
    report.log.put(format_args!(
        "# Crashed running the instruction at: {:#x}\n",
        registers.instruction()
    ));
    registers.put(&mut report);
    rest(&mut report);
    die(signal);
}

fn on_panic(info: &PanicHookInfo<'_>, default: &(dyn Fn(&PanicHookInfo<'_>) + Sync + Send)) {
    if !ENABLED.load(Ordering::SeqCst) {
        default(info);
        die(libc::SIGABRT);
    }
    if REPORTING.swap(true, Ordering::SeqCst) {
        return; // Inside the report: `try_section` goes on with the next part.
    }
    begin(libc::SIGABRT);
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words");
    let mut report = Report::open();
    report.text(START);
    match info.location() {
        Some(at) if message.starts_with("assertion") => {
            let (file, line) = (at.file(), at.line());
            report.log.put(format_args!("# === ASSERTION FAILED ===\n"));
            report.log.put(format_args!("# ==> {file}:{line} '{message}' is not true\n"));
        }
        Some(at) => {
            let (file, line) = (at.file(), at.line());
            report.log.put(format_args!("{FAILURE}# Guru Meditation: {message} #{file}:{line}\n"));
        }
        None => report.log.put(format_args!("{FAILURE}# Guru Meditation: {message}\n")),
    }
    rest(&mut report);
    die(libc::SIGABRT);
}

fn begin(signal: i32) {
    REPORTED.store(signal, Ordering::SeqCst);
    // SAFETY: `alarm` may be called from a handler. It takes the place of the timer of the
    // watchdog, which is over.
    unsafe { libc::alarm(REPORT_SECONDS) };
}

/// The parts that both kinds of report have, the less certain ones last.
fn rest(report: &mut Report) {
    // INFO below will count what looking up symbols has taken.
    report.log.put(format_args!("# Memory in use: {} bytes\n", alloc::used()));
    report.section("STACK TRACE");
    stack_trace(report);
    report.text(b"\n------ STACK TRACE DONE ------\n");
    SERVER.testify(report);
    CALL.testify(report);
    report.text(END);
}

/// The frames of this thread, one per line: `program(function)[address]`.
fn stack_trace(report: &mut Report) {
    let program = std::env::current_exe().unwrap_or_default();
    let program = program.display();
    backtrace::trace(|frame| {
        let ip = frame.ip();
        let mut named = false;
        backtrace::resolve_frame(frame, |symbol| {
            let name = symbol.name();
            let (file, line) = (symbol.filename(), symbol.lineno().unwrap_or(0));
            let name = name.as_ref().map_or("?", |n| n.as_str().unwrap_or("?"));
            let name = rustc_name(name);
            match file {
                Some(file) => report
                    .log
                    .put(format_args!("{program}({name})[{ip:p}] {}:{line}\n", file.display())),
                None => report.log.put(format_args!("{program}({name})[{ip:p}]\n")),
            }
            named = true;
        });
        if !named {
            report.log.put(format_args!("{program}[{ip:p}]\n"));
        }
        true
    });
}

/// A line for a return address, as in [`stack_trace`]. Takes memory and locks.
pub(super) fn frame(ip: usize) -> String {
    let program = std::env::current_exe().unwrap_or_default();
    let mut name = String::new();
    backtrace::resolve(std::ptr::without_provenance_mut(ip), |symbol| {
        if let Some(found) = symbol.name().as_ref().and_then(|name| name.as_str()) {
            name = rustc_name(found);
        }
    });
    let name = if name.is_empty() { name } else { format!("({name})") };
    format!("{}{name}[{ip:#x}]\n", program.display())
}

/// A mangled name made readable.
fn rustc_name(name: &str) -> String {
    format!("{:#}", backtrace::SymbolName::new(name.as_bytes()))
}

/// The processor's registers at the fault.
struct Registers {
    #[cfg(target_arch = "x86_64")]
    values: [i64; 23],
}

#[cfg(target_arch = "x86_64")]
impl Registers {
    fn of(context: *mut c_void) -> Registers {
        // SAFETY: with SA_SIGINFO the third argument of a handler points to the `ucontext_t` of the
        // interrupted thread.
        Registers { values: unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs } }
    }

    fn instruction(&self) -> i64 {
        self.values[libc::REG_RIP as usize]
    }

    fn put(&self, report: &mut Report) {
        const NAMES: [(&str, i32); 18] = [
            ("RAX", libc::REG_RAX),
            ("RBX", libc::REG_RBX),
            ("RCX", libc::REG_RCX),
            ("RDX", libc::REG_RDX),
            ("RDI", libc::REG_RDI),
            ("RSI", libc::REG_RSI),
            ("RBP", libc::REG_RBP),
            ("RSP", libc::REG_RSP),
            ("R8 ", libc::REG_R8),
            ("R9 ", libc::REG_R9),
            ("R10", libc::REG_R10),
            ("R11", libc::REG_R11),
            ("R12", libc::REG_R12),
            ("R13", libc::REG_R13),
            ("R14", libc::REG_R14),
            ("R15", libc::REG_R15),
            ("RIP", libc::REG_RIP),
            ("EFL", libc::REG_EFL),
        ];
        report.section("REGISTERS");
        for (index, (name, register)) in NAMES.into_iter().enumerate() {
            let end = if index % 2 == 1 { "\n" } else { " " };
            let value = self.values[register as usize];
            report.log.put(format_args!("{name}:{value:016x}{end}"));
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Registers {
    fn of(_: *mut c_void) -> Registers {
        Registers {}
    }

    fn instruction(&self) -> i64 {
        0
    }

    fn put(&self, _: &mut Report) {}
}

/// A read through an address that nothing is mapped to, for DEBUG SEGFAULT.
pub fn fault() {
    // SAFETY: there is none: the fault is what is asked for. The page was mapped without any access
    // and is ours.
    unsafe {
        let page = libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        page.cast::<u8>().write_volatile(1);
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

const FAILURE: &str = "# ------------------------------------------------\n\
    # !!! Software Failure. Press left mouse button to continue\n";

const START: &[u8] = b"\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n";

const END: &[u8] = b"\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n\
    This server is Hematite: please report the crash to its authors, not to those of Redis.\n\
    If the memory itself may be at fault, redis-server --test-memory tells;\n\
    redis-server --check-system looks for problems of the machine.\n\n";
