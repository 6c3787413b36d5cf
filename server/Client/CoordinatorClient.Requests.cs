using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Authentication;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Coordinator.Disk;
using Coordinator.Machines;
using Coordinator.Server.Api;

namespace Coordinator.Server.Client;

/// <content>How a request is made, answered and refused, and how files come and go.</content>
public sealed partial class CoordinatorClient
{
    private static string Escape(string text) => Uri.EscapeDataString(text);

    private static string Query(long after, int limit, TimeSpan wait) =>
        string.Create(
            CultureInfo.InvariantCulture, $"after={after}&limit={limit}&waitMs={(int)Math.Min(wait.TotalMilliseconds, int.MaxValue)}");

    private Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancel) =>
        SendAsync(HttpMethod.Get, path, null, type, cancel);

    private async Task<T?> FindAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancel)
        where T : class
    {
        using var answer = await RequestAsync(HttpMethod.Get, path, null, cancel).ConfigureAwait(false);
        return answer.StatusCode == HttpStatusCode.NotFound ? null : await ReadAsync(answer, type, cancel).ConfigureAwait(false);
    }

    private async Task<T> SendAsync<T>(HttpMethod method, string path, HttpContent? content, JsonTypeInfo<T> type, CancellationToken cancel)
    {
        using var answer = await RequestAsync(method, path, content, cancel).ConfigureAwait(false);
        return await ReadAsync(answer, type, cancel).ConfigureAwait(false);
    }

    /// <summary>
    /// Makes a change, and returns once it is durable. Only the last answer counts: what was taken and not stored goes with its silo.
    /// </summary>
    /// <exception cref="CoordinatorApiException">Storage has not confirmed it within <see cref="StoragePatience"/> (status 202), or the
    /// silo refuses.</exception>
    private async Task<T> ChangeAsync<T>(
        HttpMethod method, string path, Func<HttpContent>? content, JsonTypeInfo<T> type, CancellationToken cancel)
    {
        for (var began = Stopwatch.GetTimestamp(); ; await Task.Delay(StoragePause, cancel).ConfigureAwait(false))
        {
            using var body = content?.Invoke();
            using var answer = await RequestAsync(method, path, body, cancel).ConfigureAwait(false);
            if (answer.StatusCode != HttpStatusCode.Accepted)
                return await ReadAsync(answer, type, cancel).ConfigureAwait(false);
            if (Stopwatch.GetElapsedTime(began) is var waited && waited >= StoragePatience)
            {
                throw new CoordinatorApiException(
                    HttpStatusCode.Accepted,
                    $"the silo has taken the change, and its storage has not confirmed it within {waited.TotalSeconds:0.#} s: if the silo "
                        + "ends before that, it is lost",
                    "Look after the silo's storage, then give the command again; what was stored meanwhile is not changed twice.",
                    null);
            }
        }
    }

    private async Task<StoredFileBody> UploadAsync(string path, string file, string sha256, CancellationToken cancel)
    {
        using var idle = new IdleLimit(IdleTime, cancel);
        var stream = new WatchedStream(await StorageStream.OpenAsync(file, cancel: idle.Token).ConfigureAwait(false), idle.Renew);
        await using (stream.ConfigureAwait(false))
        {
            using var content = new StreamContent(stream, StorageStream.PieceBytes);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
            content.Headers.Add(FilesApi.HashHeader, sha256);
            try
            {
                return await SendAsync(HttpMethod.Put, path, content, ApiJson.Default.StoredFileBody, idle.Token).ConfigureAwait(false);
            }
            catch (CoordinatorApiException) when (stream.Failure is not null)
            {
                throw new IOException($"{file} cannot be read: {stream.Failure.Message}", stream.Failure);
            }
            catch (OperationCanceledException still) when (!cancel.IsCancellationRequested)
            {
                throw Away(still);
            }
        }
    }

    /// <summary>Goes on behind what the file holds already: stored files never change. Its hash is for the caller to check.</summary>
    private async Task<bool> DownloadAsync(string path, string file, CancellationToken cancel)
    {
        using var idle = new IdleLimit(IdleTime, cancel);
        try
        {
            return await DownloadAsync(path, file, idle).ConfigureAwait(false);
        }
        catch (OperationCanceledException still) when (!cancel.IsCancellationRequested)
        {
            throw Away(still);
        }
    }

    private async Task<bool> DownloadAsync(string path, string file, IdleLimit idle)
    {
        var there = File.Exists(file) ? new FileInfo(file).Length : 0;
        using var answer = await RequestAsync(HttpMethod.Get, path, null, idle.Token, there).ConfigureAwait(false);
        if (answer.StatusCode == HttpStatusCode.NotFound)
            return false;
        if (there > 0 && answer.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            return true;
        await ThrowIfRefusedAsync(answer, idle.Token).ConfigureAwait(false);
        var target = answer.StatusCode == HttpStatusCode.PartialContent ? new FileStream(
            file, FileMode.Append, FileAccess.Write) : UserMask.CreateUsersFile(file);
        await using (target.ConfigureAwait(false))
        {
            // Copied by hand: what the network did and what the disk did are two things.
            var buffer = new byte[1 << 17];
            int count;
            while ((count = await ReadAsync(answer, buffer, idle).ConfigureAwait(false)) > 0)
                await target.WriteAsync(buffer.AsMemory(0, count), idle.Token).ConfigureAwait(false);
        }

        return true;
    }

    private async Task<int> ReadAsync(HttpResponseMessage answer, byte[] buffer, IdleLimit idle)
    {
        try
        {
            idle.Renew();
            var stream = await answer.Content.ReadAsStreamAsync(idle.Token).ConfigureAwait(false);
            return await stream.ReadAsync(buffer, idle.Token).ConfigureAwait(false);
        }
        catch (Exception cut) when (cut is HttpRequestException or IOException)
        {
            throw Away(cut);
        }
    }

    private async Task<HttpResponseMessage> RequestAsync(
        HttpMethod method, string path, HttpContent? content, CancellationToken cancel, long from = 0)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (from > 0)
            request.Headers.Range = new RangeHeaderValue(from, null);
        try
        {
            return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException
            || (exception is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw Away(exception);
        }
    }

    private CoordinatorApiException Away(Exception exception) => exception.InnerException is AuthenticationException untrusted
        ? new(
            $"the certificate of the silo at {Url} is refused: {untrusted.Message}",
            "Name the silo as its certificate does, and trust the certificate's authority (SSL_CERT_FILE, or the system's store).",
            exception)
        : new(
            $"no silo answers at {Url}: {exception.Message}", "Start one with 'coordinator silo', or name another with --silo.", exception);

    private async Task<T> ReadAsync<T>(HttpResponseMessage answer, JsonTypeInfo<T> type, CancellationToken cancel)
    {
        await ThrowIfRefusedAsync(answer, cancel).ConfigureAwait(false);
        try
        {
            return (await answer.Content.ReadFromJsonAsync((JsonTypeInfo<T>)Plain.GetTypeInfo(type.Type), cancel).ConfigureAwait(false))!;
        }
        catch (JsonException)
        {
            throw new CoordinatorApiException(
                answer.StatusCode, $"what answers at {Url} is no silo, or one of another version",
                "Check the address, and run one build on both sides.", null);
        }
        catch (Exception cut) when (cut is HttpRequestException or IOException)
        {
            // The silo died in the middle of its answer.
            throw Away(cut);
        }
    }

    private static async Task ThrowIfRefusedAsync(HttpResponseMessage answer, CancellationToken cancel)
    {
        if (answer.IsSuccessStatusCode)
            return;
        if (answer.Headers.Location is { } elsewhere && (int)answer.StatusCode is >= 300 and < 400)
        {
            throw new CoordinatorApiException(
                answer.StatusCode,
                $"{answer.RequestMessage?.RequestUri?.GetLeftPart(UriPartial.Authority)} sends its callers on to {elsewhere}, and a token "
                    + "is not sent on",
                "Name the silo's own address with --silo.",
                null);
        }

        ErrorBody? body = null;
        try
        {
            body = await answer.Content.ReadFromJsonAsync((JsonTypeInfo<ErrorBody>)Plain.GetTypeInfo(typeof(ErrorBody)), cancel)
                .ConfigureAwait(false);
        }
        catch (JsonException)
        {
            // Something between here and the silo answered.
        }

        throw new CoordinatorApiException(
            answer.StatusCode,
            body?.Error ?? $"the answer was {(int)answer.StatusCode} {PlainText.Line(answer.ReasonPhrase ?? "", 100)}",
            body?.Remedy ?? "Check that the URL is a silo's.",
            body?.Problems);
    }
}
