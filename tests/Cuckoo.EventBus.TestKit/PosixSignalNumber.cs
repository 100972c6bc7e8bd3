namespace Cuckoo.EventBus.TestKit;

/// <summary>Signals by their numbers, the same on Linux and macOS unless said.</summary>
public enum PosixSignalNumber
{
    /// <summary>What Ctrl-C sends.</summary>
    Interrupt = 2,
    Quit = 3,
    Kill = 9,
    Terminate = 15,

    /// <summary>SIGCONT on Linux.</summary>
    Continue = 18,

    /// <summary>SIGSTOP on Linux.</summary>
    Stop = 19,
}
