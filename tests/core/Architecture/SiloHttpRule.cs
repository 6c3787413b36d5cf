using System.Text.RegularExpressions;

namespace Coordinator.Tests.Architecture;

/// <summary>
/// Who may make a connection to a silo. A client that is made in passing asks the environment for a proxy, follows redirects, and takes the
/// token along; so there is one place where they are made (<c>SiloHttp</c>), and a WebSocket is opened through what was made there.
/// </summary>
internal static partial class SiloHttpRule
{
    private const string Factory = "server/Client/SiloHttp.cs";

    // The rule and its tests quote what they forbid.
    private const string Exempt = "tests/core/Architecture/";

    /// <summary>What is wrong with a source file.</summary>
    public static IEnumerable<string> Check(RepositoryFile file)
    {
        if (!file.Path.EndsWith(".cs", StringComparison.Ordinal) || file.Path == Factory
            || file.Path.StartsWith(Exempt, StringComparison.Ordinal))
        {
            yield break;
        }
        var opensWebSockets = WebSocketClient().IsMatch(file.Text);
        var lines = file.Text.Split('\n');
        for (var number = 1; number <= lines.Length; number++)
        {
            var line = lines[number - 1];
            if (Made().Match(line) is { Success: true } made)
            {
                yield return $"{file.Path}:{number}: {made.Value.Trim()}: requests to silos are made by SiloHttp, so that no token reaches "
                    + "a proxy that nobody named";
            }
            if (opensWebSockets && OpenedByItself().Match(line) is { Success: true } opened)
            {
                yield return $"{file.Path}:{number}: {opened.Value}: a WebSocket is opened through what SiloHttp made: give it as the "
                    + "second argument";
            }
        }
    }

    /// <summary>
    /// A client of its own. One with a handler from the factory passes, and one over a test's stand-in, which connects to nobody.
    /// </summary>
    [GeneratedRegex(
        @"new (HttpClientHandler|SocketsHttpHandler|WinHttpHandler|WebClient|WebProxy)\b|new HttpClient\((?!SiloHttp\.|new SiloFailover\()|new HttpMessageInvoker\b(?!\(new Silos\()|\bHttpClient\b[^;]*=>? new\((?!SiloHttp\.)|\bHttpClient\.DefaultProxy\b|\bWebRequest\.|\b(AddHttpClient|IHttpClientFactory)\b")]
    private static partial Regex Made();

    [GeneratedRegex(@"\bClientWebSocket\b")]
    private static partial Regex WebSocketClient();

    [GeneratedRegex(@"(?<=\b[a-z]\w*\.)ConnectAsync\(\s*[^,()]*(\([^()]*\))?[^,()]*,\s*[^,()]+\)")]
    private static partial Regex OpenedByItself();
}
