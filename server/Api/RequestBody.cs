using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Coordinator.Server.Api;

/// <summary>
/// The one way in which a JSON object is read from a request. Whatever is wrong with the text is a <see cref="BodyProblem"/> with its
/// place, and
/// nothing that a later reader might stumble over passes: bytes that are no UTF-8, halves of surrogate pairs, a member that is there
/// twice (of which
/// readers take one or the other), numbers that no <see cref="double"/> holds.
/// </summary>
internal static class RequestBody
{
    private const int MaxDepth = 32;

    /// <summary>Reads the object.</summary>
    /// <returns>The object, or what is wrong; never both.</returns>
    public static async Task<(JsonObject? Body, BodyProblem? Problem)> ReadAsync(HttpRequest request, CancellationToken cancel)
    {
        using var bytes = new MemoryStream();
        await request.Body.CopyToAsync(bytes, cancel).ConfigureAwait(false);
        return Parse(bytes.GetBuffer().AsMemory(0, (int)bytes.Length));
    }

    /// <summary>Reads the object from its text.</summary>
    /// <returns>The object, or what is wrong; never both.</returns>
    public static (JsonObject? Body, BodyProblem? Problem) Parse(ReadOnlyMemory<byte> text)
    {
        if (text.Span.StartsWith(Encoding.UTF8.Preamble))
            text = text[Encoding.UTF8.Preamble.Length..];
        if (text.IsEmpty)
            return (null, new BodyProblem(null, "the body is empty"));
        try
        {
            if (FindProblem(text.Span) is { } problem)
                return (null, problem);
            return JsonNode.Parse(text.Span) is JsonObject body
                ? (body, null)
                : (null, new BodyProblem(null, "the body is no JSON object"));
        }
        catch (JsonException exception)
        {
            return (null,
                new BodyProblem(
                    null, $"the body is no JSON: line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1} cannot be read"));
        }
    }

    private static BodyProblem? FindProblem(ReadOnlySpan<byte> text)
    {
        if (WrongByte(text) is >= 0 and var wrong)
            return new BodyProblem(null, $"the body is no UTF-8: byte {wrong + 1} is 0x{text[wrong]:X2}");
        var reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = MaxDepth });
        var place = new JsonPlace();
        while (reader.Read())
        {
            var problem = reader.TokenType switch
            {
                JsonTokenType.PropertyName => place.Enter(ref reader),
                JsonTokenType.String => JsonPlace.TextOf(ref reader) is null ? "is a text with half of a surrogate pair" : null,
                JsonTokenType.Number =>
                    reader.TryGetDouble(out var number) && double.IsFinite(number) ? null : "is a number that is too large",
                _ => null,
            };
            if (problem is not null)
                return new BodyProblem(place.ToString(), problem);
            place.Move(reader.TokenType);
        }

        return null;
    }

    private static int WrongByte(ReadOnlySpan<byte> text)
    {
        if (System.Text.Unicode.Utf8.IsValid(text))
            return -1;
        for (var at = 0; at < text.Length;)
        {
            if (Rune.DecodeFromUtf8(text[at..], out _, out var length) != System.Buffers.OperationStatus.Done)
                return at;
            at += length;
        }

        return -1;
    }
}
