using System.CommandLine;
using Coordinator.Cli.Paths;
using Coordinator.Disk;
using Coordinator.Machines;
using Coordinator.Runs.Clusters;
using Coordinator.Runs.Outcomes;
using Coordinator.Server.Client;
using Coordinator.Server.Hosting;

namespace Coordinator.Cli.Commands;

/// <summary>
/// <c>--silo</c>, <c>--token-file</c> and <c>--proxy</c>: how a command finds its silo. The environment is behind the first two and never
/// behind the third.
/// </summary>
public sealed class ConnectionOptions
{
    /// <summary>Address of the silo, or those of a cluster's silos with commas between them.</summary>
    public Option<string?> Silo { get; } = new("--silo")
    {
        Description = "Address of the silo, such as http://127.0.0.1:7070; those of a cluster once each, or with commas between them "
            + $"(else ${ConnectionVariables.Silo}).",
        Arity = ArgumentArity.OneOrMore,
        CustomParser = result =>
        {
            if (result.Tokens.FirstOrDefault(token => !IsUrl(token.Value)) is not { } wrong)
                return string.Join(',', result.Tokens.Select(token => token.Value));
            result.AddError($"'{PlainText.Address(wrong.Value)}' is no address of a silo; write http://HOST:PORT.");
            return null;
        },
    };

    /// <summary>File with the token.</summary>
    public PathOption TokenFile { get; } = new(PathUse.Read, "--token-file")
    {
        Description = $"File with the silo's token (else ${ConnectionVariables.TokenFile}).",
    };

    /// <summary>Proxy on the way to the silo.</summary>
    public Option<Uri?> Proxy { get; } = ProxyOption.Create();

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(Silo);
        command.Options.Add(TokenFile);
        command.Options.Add(Proxy);
    }

    /// <summary>The silo's address, or null where none is given.</summary>
    public string? FindSilo(ParseResult parsed)
    {
        if (parsed.GetValue(Silo) is { } given)
            return given;
        var variable = Environment.GetEnvironmentVariable(ConnectionVariables.Silo);
        if (string.IsNullOrEmpty(variable))
            return null;
        return IsUrl(variable)
            ? variable
            : throw new CommandException(
                ExitCodes.Usage,
                $"${ConnectionVariables.Silo} is '{PlainText.Address(variable)}', which is no address of a silo.",
                "Set it to http://HOST:PORT.");
    }

    /// <summary>A client for the silo.</summary>
    /// <exception cref="CommandException">No silo or token is given, or the token cannot be read.</exception>
    public CoordinatorClient Connect(ParseResult parsed)
    {
        var silo = FindSilo(parsed) ?? throw new CommandException(
            ExitCodes.Usage,
            "No silo is named.",
            $"Give --silo http://HOST:PORT or set {ConnectionVariables.Silo}; 'train' and 'demo' print theirs.");
        return new CoordinatorClient(silo, ReadToken(parsed.GetValue(TokenFile)), parsed.GetValue(Proxy));
    }

    /// <summary>The token from the file, or from the one that the environment names.</summary>
    /// <exception cref="CommandException">No file is named, or it holds no token.</exception>
    public static string ReadToken(string? given)
    {
        var path = given ?? Environment.GetEnvironmentVariable(ConnectionVariables.TokenFile);
        if (string.IsNullOrEmpty(path))
        {
            throw new CommandException(
                ExitCodes.Usage, "No token is named.", $"Give --token-file FILE or set {ConnectionVariables.TokenFile}.");
        }
        try
        {
            var token = SiloToken.Load(path);
            if (PrivateFiles.WhyOpen(path) is { } open)
                Console.Error.WriteLine($"warning: {open}");
            return token;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new CommandException(
                ExitCodes.Usage,
                $"The token file {path} cannot be used: {unreadable.Message}",
                "Name the file that the silo was started with, or a copy of it.");
        }
    }

    /// <summary>Whether a text is an address of a silo, or several with commas between them.</summary>
    public static bool IsUrl(string text) =>
        text.Split(',', StringSplitOptions.TrimEntries) is { Length: > 0 } parts && parts.All(IsOneUrl);

    private static bool IsOneUrl(string text) => Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is ("http" or "https");
}
