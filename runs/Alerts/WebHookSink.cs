using System.Net.Http.Json;

namespace Coordinator.Runs.Alerts;

/// <summary>Posts alerts as JSON to a web hook.</summary>
public sealed class WebHookSink(HttpClient http, Uri address) : IAlertSink
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <inheritdoc/>
    public async Task<string?> TellAsync(Alert alert, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        try
        {
            using var content = JsonContent.Create(AlertText.Document(alert));
            using var answer = await http.PostAsync(address, content, patience.Token);
            return answer.IsSuccessStatusCode ? null : $"the web hook answers {(int)answer.StatusCode}";
        }
        catch (HttpRequestException away)
        {
            return $"the web hook cannot be reached: {away.Message}";
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return $"the web hook did not answer within {Patience.TotalSeconds:0} s";
        }
    }
}
