using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coordinator.Decoders;
using Coordinator.Machines;
using Coordinator.Machines.Clusters;
using Coordinator.Machines.Gangs;
using Coordinator.Machines.Jobs;
using Coordinator.Server.Api;
using Coordinator.Tests.Support;

namespace Coordinator.Tests.Server;

/// <summary>
/// Every endpoint that the server has, with whatever a stranger may send: an answer below 500 that says what is wrong and what to do, and
/// nothing that
/// steers a terminal on its way to a grain. The endpoints come from the server itself, so that a new one is covered as it is mapped.
/// </summary>
public sealed class HostileRequestTests(HostileRequestTests.Shared shared) : IClassFixture<HostileRequestTests.Shared>
{
    private const int Mutations = 60;

    private static readonly string[] Values =
    [
        "", "%20", "-1", "0", "1.5", "1,5", "1e3", "99999999999999999999999999", "-9223372036854775808", "NaN", "1e-310", "true", "null",
            "word", "%00", "%0A", "%0D%0Aevil:%201", "%1B[31mred", "%C2%9B2J", "%7F",
        "%E2%80%AEgnp", "%E2%81%A6x", "%ED%A0%80", "%FF%FE", "%C0%AF", "%", "%zz", "..", "..%2F..%2Fetc%2Fpasswd", "%2E%2E", "a/b", "a%5Cb",
            "%D9%A3%D9%A4", "%EF%BC%91", "'%22%3B--", "{}", "[]", "none",
        "@/etc/passwd", "train-1", "n1", "node-with-%20blank",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ];

    private static readonly byte[][] Bodies =
    [
        [], " "u8.ToArray(), "null"u8.ToArray(), "7"u8.ToArray(), "\"text\""u8.ToArray(), "[]"u8.ToArray(),
            "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["u8.ToArray(), "{"u8.ToArray(), "{}"u8.ToArray(), "{}}"u8.ToArray(), "{,}"u8.ToArray(),
        "{\"name\":\"a\",\"name\":\"b\"}"u8.ToArray(), "{\"training\":{\"steps\":1,\"steps\":2}}"u8.ToArray(),
            "{\"name\":\"\\ud800\"}"u8.ToArray(), "{\"\\ud800\":1}"u8.ToArray(), "{\"name\":\"\\udc00\\ud800\"}"u8.ToArray(),
        [.. "{\"name\":\""u8, 0xFF, .. "\"}"u8], [.. "{\"name\":\""u8, 0xED, 0xA0, 0x80, .. "\"}"u8], [0xFF, 0xFE, 0x7B, 0, 0x7D, 0],
            [0xEF, 0xBB, 0xBF, 0x7B, 0x7D], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [0x1F, 0x8B, 8, 0],
        "{\"name\":null}"u8.ToArray(), "{\"training\":null}"u8.ToArray(), "{\"training\":[]}"u8.ToArray(),
            "{\"training\":{\"steps\":\"two\"}}"u8.ToArray(), "{\"training\":{\"steps\":1.5}}"u8.ToArray(),
        "{\"training\":{\"steps\":1e400}}"u8.ToArray(), "{\"training\":{\"steps\":99999999999999999999}}"u8.ToArray(),
            "{\"training\":{\"steps\":-1}}"u8.ToArray(), "{\"optimizer\":{\"learningRate\":\"NaN\"}}"u8.ToArray(),
        "{\"optimizer\":{\"learningRate\":1e999}}"u8.ToArray(), "{\"optimizer\":{\"learningRate\":1e-310}}"u8.ToArray(),
            "{\"faultTolerance\":{\"answerTimeout\":\"00:00:00.0000001\"}}"u8.ToArray(),
        "{\"faultTolerance\":{\"answerTimeout\":\"word\"}}"u8.ToArray(), "{\"name\":\"\\u001b[31m\"}"u8.ToArray(),
            "{\"name\":\"a\\nb\"}"u8.ToArray(), "{\"name\":\"\\u202e\"}"u8.ToArray(), "{\"stepz\":1}"u8.ToArray(),
        "{\"nodes\":[null],\"capacityWatts\":1}"u8.ToArray(), "{\"nodes\":[\"\\u001b\"],\"capacityWatts\":1}"u8.ToArray(),
            "{\"nodes\":7}"u8.ToArray(), "{\"nodes\":[\"n1\"],\"capacityWatts\":-1}"u8.ToArray(), "{\"classes\":[null]}"u8.ToArray(),
        "{\"classes\":[{\"deviceClass\":\"\\u001b\",\"wattsPerGpu\":1,\"wattsPerNode\":1}]}"u8.ToArray(),
            "{\"overhead\":\"NaN\"}"u8.ToArray(), "{\"siteCapWatts\":1e3}"u8.ToArray(), "{\"a\":\"\u0001\"}"u8.ToArray(),
        "{\"apiVersion\":\"v9\"}"u8.ToArray(), "{\"apiVersion\":7}"u8.ToArray(), "{\"a\":01}"u8.ToArray(), "{'a':1}"u8.ToArray(),
            "{\"a\":1,}"u8.ToArray(), "// comment\n{}"u8.ToArray(),
    ];

    private static readonly (string Name, string Value)[] Headers =
    [
        ("X-Content-SHA256", ""), ("X-Content-SHA256", "word"), ("X-Content-SHA256", new string('a', 64)),
            ("X-Content-SHA256", new string('A', 64)), ("X-Content-SHA256", "\u0663"),
        ("Range", "bytes=9-1"), ("Range", "bytes=-0"), ("Range", "bytes=99999999999999999999-"), ("Range", "pages=1"), ("If-Range", "\"x"),
            ("If-Modified-Since", "yesterday"), ("If-None-Match", "\u0001"),
        ("Content-Type", "text/plain"), ("Content-Type", ";;;"), ("Content-Type", "application/json; charset=utf-16"),
            ("Content-Encoding", "gzip"), ("Accept", "\u007f"), ("Accept-Encoding", "word;q=x"),
        ("Expect", "100-continue"), ("Expect", "word"), ("Upgrade", "word"), ("Connection", "Upgrade"), ("Content-Length", "-1"),
            ("Content-Length", "99999999999999999999"), ("Content-Length", "word"),
        ("Transfer-Encoding", "word"), ("Transfer-Encoding", "chunked"), ("Host", ""), ("Host", "a b"), ("Host", "\u00e4"),
            ("Cookie", "\u001b"), ("X-Long", new string('a', 40_000)), (new string('b', 5000), "x"), ("X-Folded", "a\r\n b"),
            ("X Blank", "a"), ("Host", "silo\r\nHost: other"), ("Content-Length", "2\r\nContent-Length: 3"),
            ("Content-Length", "2\r\nTransfer-Encoding: chunked"),
            ("Content-Type", "application/json\r\nContent-Type: text/plain"), ("Authorization", "Bearer a\r\nAuthorization: Bearer b"),
            ("X-Content-SHA256", "a\r\nX-Content-SHA256: b"), ("Content-Encoding", "br"),
            ("Content-Encoding", "identity\r\nContent-Encoding: gzip"), ("Range", "bytes=0-1,5-6,0-"),
            ("Transfer-Encoding", "gzip, chunked"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x"),
            ("X-Forwarded-For", "\u202e"), ("Authorization", "Basic !!!"), ("Authorization", "Bearer \u00fc"),
    ];

    [Fact]
    public void The_server_has_endpoints_with_paths_queries_and_bodies()
    {
        Assert.Contains(shared.Routes, route => route.ToString() == "POST /api/v1/jobs/{id}/cancel" && route.Query.Contains("reason"));
        Assert.Contains(shared.Routes, route => route.ToString() == "GET /healthz");
        Assert.InRange(shared.Routes.Count, 25, 200);
    }

    [Fact]
    public async Task No_path_and_no_query_is_a_fault_of_the_coordinator()
    {
        var requests = new List<(ApiRoute Route, string Path)>();
        foreach (var route in shared.Routes)
        {
            var good = GoodPath(route);
            foreach (var parameter in route.Pattern.Parameters)
                requests.AddRange(Values.Select(value => (route, route.PathWith(name => name == parameter.Name ? value : Good(name)))));
            foreach (var name in route.Query.Append("unknown"))
            {
                requests.AddRange(Values.Select(value => (route, $"{good}?{name}={value}")));
                requests.AddRange(
                    [(route, $"{good}?{name}"), (route, $"{good}?{name}=1&{name}=2"), (route, $"{good}?{name}[]=1"),
                        (route, $"{good}?{new string('a', 5000)}={name}")]);
            }
        }

        await AllAreAnswered(
            requests, request =>
                shared.SendAsync(request.Route.Method, request.Path, request.Route.TakesBody ? "{}"u8.ToArray() : null), request =>
                    $"{request.Route.Method} {request.Path}");
    }

    [Fact]
    public async Task No_body_is_a_fault_of_the_coordinator()
    {
        var dice = new Dice(21);
        byte[][] valid = [JsonSerializer.SerializeToUtf8Bytes(
            new JobSpec { Model = new ModelSpec { Program = "linear" } }, MachinesJson.Default.JobSpec),
            JsonSerializer.SerializeToUtf8Bytes(
                new PowerSettings { Classes = [new ClassPower("cpu", 1, 2)] }, MachinesJson.Default.PowerSettings),
            JsonSerializer.SerializeToUtf8Bytes(new CoolingZone("z", ["n1", "hall-*"], 5), MachinesJson.Default.CoolingZone),
            "{\"nodes\":[\"n1\",null],\"gpus\":[\"n1/0\"],\"reason\":\"disk\",\"by\":\"ann\",\"deadlineMs\":5}"u8.ToArray(),
            JsonSerializer.SerializeToUtf8Bytes(
                new GangSpec
                {
                    Name = "g",
                    Command = ["true", "a"],
                    Environment = new SortedDictionary<string, string> { ["A"] = "b" },
                    Lease = TimeSpan.FromSeconds(9),
                },
                MachinesJson.Default.GangSpec)];
        byte[][] fragments = [.. Bodies.Where(body => body.Length is > 0 and < 60), "\\ud800"u8.ToArray(), "\\u0000"u8.ToArray(),
            "1e400"u8.ToArray(), ",\"name\":1"u8.ToArray(), [0xC3, 0x28]];
        var bodies = Bodies.Concat(valid).Concat(Enumerable.Range(0, Mutations).Select(_ => Mutation.Of(dice.Of(valid), dice, fragments)))
            .ToArray();
        var requests = from route in shared.Routes where route.TakesBody from body in bodies select (Route: route, Body: body);

        await AllAreAnswered(
            [.. requests], request =>
                shared.SendAsync(request.Route.Method, GoodPath(request.Route), request.Body), request =>
                    $"{request.Route}: {Encoding.Latin1.GetString(request.Body)}");
    }

    [Fact]
    public async Task No_header_is_a_fault_of_the_coordinator() =>
        await AllAreAnswered(
            [.. from route in shared.Routes from header in Headers select (Route: route, Header: header)],
            request => shared.SendAsync(
                request.Route.Method, GoodPath(request.Route), request.Route.TakesBody ? "{}"u8.ToArray() : null, request.Header),
            request => $"{request.Route} with {request.Header}");

    [Theory]
    [InlineData("{\"name\":\"a\",\"name\":\"b\"}", "the job spec cannot be read: name is there twice")]
    [InlineData("{\"training\":{\"steps\":1,\"steps\":2}}", "the job spec cannot be read: training.steps is there twice")]
    [InlineData("{\"name\":\"\\ud800\"}", "the job spec cannot be read: name is a text with half of a surrogate pair")]
    [InlineData("{\"data\":{\"\\ud800\":1}}", "the job spec cannot be read: data.? is a name with half of a surrogate pair")]
    [InlineData("{\"ranks\":\"two\"}", "the job spec cannot be read: ranks is \"two\" but must be a whole number")]
    [InlineData("{\"training\":{\"steps\":1.5}}", "the job spec cannot be read: training.steps is 1.5 but must be a whole number")]
    [InlineData("{\"training\":{\"seed\":-1}}", "the job spec cannot be read: training.seed is -1 but must be a whole number, 0 or more")]
    [InlineData("{\"training\":{\"stepz\":5}}", "the job spec cannot be read: training.stepz is no member that is known here")]
    [InlineData("{\"training\":null}", "the job spec cannot be read: training is null but must be given, and not null")]
    [InlineData(
        "{\"faultTolerance\":{\"answerTimeout\":\"soon\"}}",
            "the job spec cannot be read: faultTolerance.answerTimeout is \"soon\" but must be a time such as \"00:00:10\"")]
    [InlineData(
        "{\"optimizer\":{\"learningRate\":1e999}}", "the job spec cannot be read: optimizer.learningRate is a number that is too large")]
    [InlineData(
        "{\"faultTolerance\":{\"answerTimeout\":\"00:00:00.0000001\"}}",
            "fault_tolerance.answer_timeout is 0.0001ms but must be 1ms to 604800s")]
    [InlineData(
        "{\"name\":\"a\\u001b[2J\"}", "job.name is 'a\uFFFD[2J' but must be 1 to 100 characters without control characters or unseen ones")]
    [InlineData("", "the job spec cannot be read: the body is empty")]
    [InlineData("{\n ]", "the job spec cannot be read: the body is no JSON: line 2, byte 2 cannot be read")]
    public async Task A_job_spec_that_is_refused_says_where_and_why(string body, string error)
    {
        var (status, answer) = await shared.SendAsync("POST", "/api/v1/jobs", Encoding.UTF8.GetBytes(body));
        Assert.Equal(error, ErrorOf(answer));
        Assert.Equal(400, status);
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_refused_and_not_replaced()
    {
        var (status, answer) = await shared.SendAsync("POST", "/api/v1/jobs", [.. "{\"name\":\""u8, 0xFF, .. "\"}"u8]);
        Assert.Equal((400, "the job spec cannot be read: the body is no UTF-8: byte 10 is 0xFF"), (status, ErrorOf(answer)));
    }

    [Fact]
    public async Task A_body_that_is_packed_is_refused_and_not_read_as_what_it_is_not()
    {
        var (status, answer) = await shared.SendAsync("POST", "/api/v1/jobs", "{}"u8.ToArray(), ("Content-Encoding", "gzip"));
        Assert.Equal((415, "the body is packed as 'gzip', which nothing here unpacks"), (status, ErrorOf(answer)));
    }

    [Theory]
    [InlineData("rank")]
    [InlineData("generation")]
    public async Task A_place_in_a_log_below_zero_is_refused_in_words(string name)
    {
        var (status, answer) = await shared.SendAsync("GET", $"/api/v1/gangs/run-1/logs?{name}=-1", null);
        Assert.Equal((400, $"{name} is -1 but must be 0 or more"), (status, ErrorOf(answer)));
    }

    [Fact]
    public async Task A_query_that_is_no_number_is_refused_in_words()
    {
        var (status, answer) = await shared.SendAsync("GET", "/api/v1/events?after=soon", null);
        Assert.Equal((400, "after is 'soon' but must be a whole number of at most 63 bits"), (status, ErrorOf(answer)));
    }

    /// <summary>A path to something that is there.</summary>
    private static string GoodPath(ApiRoute route)
    {
        var isOfGangs = route.ToString().Contains("/gangs/", StringComparison.Ordinal);
        return route.PathWith(name => name == "id" && isOfGangs ? Shared.Gang.Value : Good(name));
    }

    private static string Good(string name) => name switch
    {
        "id" => Shared.Job.Value,
        "node" => "n1",
        "index" => "0",
        "zone" => "hall",
        "sha256" => new string('a', 64),
        _ => "1",
    };

    private static string? ErrorOf(string body) => JsonNode.Parse(body)!["error"]?.GetValue<string>();

    /// <summary>
    /// Sends all, several at a time: none is answered with 500 and more, none without saying what is wrong and what to do, and what came
    /// to a grain is plain.
    /// </summary>
    private async Task AllAreAnswered<T>(IReadOnlyList<T> requests, Func<T, Task<(int Status, string Body)>> send, Func<T, string> show)
    {
        var wrong = new List<string>();
        var (refused, explained) = (0, 0);
        await Parallel.ForEachAsync(requests, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (request, _) =>
        {
            var (status, body) = await send(request);
            if (status is >= 200 and < 400)
                return;
            Interlocked.Increment(ref refused);
            if (body.Length > 0)
                Interlocked.Increment(ref explained);
            var what = status is < 400 or >= 500 ? $"status {status}"
                : body.Length > 0
                    && (string.IsNullOrEmpty(ErrorOf(body)) || string.IsNullOrEmpty(JsonNode.Parse(body)!["remedy"]?.GetValue<string>()))
                        ? "neither what is wrong nor what to do"
                : body.Contains("System.", StringComparison.Ordinal) || body.Contains("Nullable", StringComparison.Ordinal)
                    ? "names of types" : null;
            if (what is not null)
            {
                lock (wrong)
                    wrong.Add($"{show(request)}: {what}: {body}");
            }
        });
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {requests.Count}:\n{string.Join('\n', wrong.Take(40))}");
        Assert.Empty(shared.Hostile);

        // What is no HTTP the server refuses without a word; all else is explained.
        Assert.InRange(explained, refused / 2, refused);
        Assert.True(explained > 0);
    }

    public sealed class Shared : IAsyncLifetime
    {
        public static readonly JobId Job = new("train-1");
        public static readonly JobId Gang = new("run-1");

        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

        private readonly List<string> hostile = [];
        private TestServer server = null!;

        public IReadOnlyList<ApiRoute> Routes { get; private set; } = [];

        /// <summary>Messages to grains with texts that are not plain.</summary>
        public IReadOnlyList<string> Hostile
        {
            get
            {
                lock (hostile)
                    return [.. hostile];
            }
        }

        public async Task InitializeAsync()
        {
            server = await TestServer.StartAsync(options => options with
            {
                ValidateJob = spec => JobProblem.Of(spec with { Model = spec.Model with { Program = "linear" } }),
                MapPages = app => Routes = ApiRoute.Of(app),
                SubmitTimeout = TimeSpan.FromMilliseconds(50),
            });
            server.Grains.Show(new JobView { Id = Job, Phase = "running", Spec = new JobSpec() });
            server.Grains.Show(new ClusterView([], []));
            var gang = new GangSpec { Command = ["true"] };
            server.Grains.Show(new GangView { Id = Gang, Phase = "failed", Spec = gang, LastNodes = [new NodeId("n1")] });
            server.Grains.OnPost = (_, message) =>
            {
                // A program's command is run as it is.
                if (message is SubmitGang)
                    return;
                if (TextsOf(JsonSerializer.SerializeToNode(message, MachinesJson.Default.GrainMessage))
                    .FirstOrDefault(text => !PlainText.IsPlain(text) || text.Length > PlainText.MostStored) is not { } found)
                {
                    return;
                }
                lock (hostile)
                    hostile.Add($"{message.GetType().Name}: {JsonSerializer.Serialize(found)}");
            };
        }

        public async Task DisposeAsync() => await server.DisposeAsync();

        /// <summary>
        /// Sends a request byte for byte as it is given, over a connection of its own, and reads the answer. A connection that is closed
        /// without one counts as refused.
        /// </summary>
        public async Task<(int Status, string Body)> SendAsync(
            string method, string path, byte[]? body, (string Name, string Value)? header = null)
        {
            using var client = new TcpClient();
            var url = new Uri(server.Server.Url);
            await client.ConnectAsync(url.Host, url.Port);
            await using var stream = client.GetStream();
            var head = new StringBuilder($"{method} {path} HTTP/1.1\r\n");
            void Add(string name, string value)
            {
                if (header?.Name != name)
                    head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
            }

            Add("Host", "silo");
            Add("Authorization", $"Bearer {TestServer.Token}");
            Add("Connection", "close");
            if (body is not null)
                Add("Content-Length", $"{body.Length}");
            if (header is { } other)
                head.Append(CultureInfo.InvariantCulture, $"{other.Name}: {other.Value}\r\n");
            head.Append("\r\n");
            try
            {
                await stream.WriteAsync(Encoding.UTF8.GetBytes(head.ToString()));
                await stream.WriteAsync(body ?? []);
                using var patience = new CancellationTokenSource(Patience);
                return await ReadAsync(stream, method == "HEAD", patience.Token);
            }
            catch (IOException)
            {
                return ((int)HttpStatusCode.BadRequest, "");
            }
        }

        /// <summary>Reads one answer: as long as it says that it is, and no longer, since not every connection is closed behind
        /// it.</summary>
        private static async Task<(int Status, string Body)> ReadAsync(NetworkStream stream, bool isHead, CancellationToken cancel)
        {
            var read = new StringBuilder();
            var piece = new byte[16 << 10];
            while (true)
            {
                var answer = read.ToString();
                var end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);

                // "Go on" is no answer yet.
                if (end >= 0 && answer.StartsWith("HTTP/1.1 1", StringComparison.Ordinal))
                {
                    read.Remove(0, end + 4);
                    continue;
                }

                if (end >= 0 && BodyOf(answer[..end], answer[(end + 4)..], isHead) is { } body)
                    return (int.Parse(answer.AsSpan(9, 3), CultureInfo.InvariantCulture), body);
                var count = await stream.ReadAsync(piece, cancel);
                if (count == 0)
                {
                    return end >= 0
                        ? (int.Parse(answer.AsSpan(9, 3), CultureInfo.InvariantCulture), "")
                        : ((int)HttpStatusCode.BadRequest, "");
                }
                read.Append(Encoding.Latin1.GetString(piece, 0, count));
            }
        }

        /// <summary>The body where it is whole; null: more is to come.</summary>
        private static string? BodyOf(string head, string rest, bool isHead)
        {
            if (isHead || head.StartsWith("HTTP/1.1 304", StringComparison.Ordinal))
                return "";
            if (head.Contains("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase))
            {
                // No test's body has a line end in it, so lengths and pieces take turns.
                return rest.EndsWith("0\r\n\r\n", StringComparison.Ordinal)
                    ? string.Concat(rest.Split("\r\n").Where((_, index) => index % 2 == 1)) : null;
            }

            var length = head.Split("\r\n").FirstOrDefault(line => line.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase));
            return length is null
                ? ""
                : rest.Length >= int.Parse(length["Content-Length: ".Length..], CultureInfo.InvariantCulture)
                ? rest
                : null;
        }

        private static IEnumerable<string> TextsOf(JsonNode? node) => node switch
        {
            JsonObject members => members.SelectMany(member => TextsOf(member.Value).Append(member.Key)),
            JsonArray items => items.SelectMany(TextsOf),
            JsonValue value when value.GetValueKind() == JsonValueKind.String => [value.GetValue<string>()],
            _ => [],
        };
    }
}
