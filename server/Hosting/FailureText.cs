using System.ComponentModel;
using System.Data.Common;
using System.Net.Sockets;
using System.Reflection;
using System.Security.Cryptography;
using System.Text.Json;
using Coordinator.Disk;

namespace Coordinator.Server.Hosting;

/// <summary>
/// One line for a failure that nobody has named at its source, for the top of a command line. Where operators name a path or an address,
/// the source itself must say which and what to do; this is for what is left.
/// </summary>
public static class FailureText
{
    /// <summary>The failure itself, out of what only carries it.</summary>
    public static Exception Innermost(Exception failed) => failed switch
    {
        AggregateException { InnerExceptions: [var only] } => Innermost(only),
        TargetInvocationException { InnerException: { } inner } => Innermost(inner),
        TypeInitializationException { InnerException: { } inner } => Innermost(inner),
        _ => failed,
    };

    /// <summary>What happened and what may be done about it, without a stack trace.</summary>
    public static (string Message, string Remedy) Describe(Exception failed)
    {
        var cause = Innermost(failed);
        var message = OneLine(StorageFailure.Is(cause) ? StorageFailure.Words(cause) : cause.Message);
        return cause switch
        {
            _ when StorageFailure.Is(cause) =>
                (message, "Look at that path: its permissions, its kind, and the space on its disk."),
            DbException => (
                $"The database does not answer: {message}",
                "Look at the disk of the data directory and its permissions, and run the command again."),
            JsonException => (
                $"What should be JSON is none: {message}",
                "A file or an answer was damaged or cut short on its way; run the command again."),
            CryptographicException => (
                $"A certificate or key cannot be used: {message}",
                "See that the file is a certificate of the expected form, with its private key and the right password."),
            SocketException or HttpRequestException =>
                ($"The network refuses: {message}", "See that the address is right and that its host can be reached."),
            Win32Exception => ($"A program cannot be started: {message}", "See that it is installed and may be run."),
            OutOfMemoryException => ("There is not enough memory.", "Use a machine with more of it, or a smaller model."),
            _ => (
                $"{cause.GetType().Name}: {message}",
                "This is a fault of coordinator: run the command again with --debug, and report what it prints."),
        };
    }

    /// <summary>A text without line breaks.</summary>
    public static string OneLine(string text) =>
        string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
}
