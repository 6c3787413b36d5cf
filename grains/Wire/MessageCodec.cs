using System.Buffers;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Serialization.Buffers;
using Orleans.Serialization.Codecs;
using Orleans.Serialization.WireProtocol;

namespace Coordinator.Grains.Wire;

/// <summary>
/// A message between silos: its JSON and its shared parts, each behind its length (0: there is none). No name of a .NET type is written:
/// the operation says what it takes, and the JSON what it is. A later version may write further parts; this one passes over them.
/// </summary>
/// <typeparam name="T">What an operation takes: a kind of message, or any.</typeparam>
/// <param name="parts">What this silo has of what jobs tell all their nodes alike.</param>
public sealed class MessageCodec<T>(SharedParts parts) : IFieldCodec<T>
    where T : GrainMessage
{
    private const int LengthBytes = sizeof(int);

    /// <inheritdoc/>
    public void WriteField<TBufferWriter>(ref Writer<TBufferWriter> writer, uint fieldIdDelta, Type? expectedType, T? value)
        where TBufferWriter : IBufferWriter<byte>
    {
        if (ReferenceCodec.TryWriteReferenceField(ref writer, fieldIdDelta, expectedType!, typeof(T), value))
            return;
        var text = MessageText.Of(value!, parts);
        ReadOnlySpan<byte[]> written = text.HasNames
            ? [text.Json, text.Change, text.Assignment, text.ChangeName, text.AssignmentName]
            : [text.Json, text.Change, text.Assignment];
        var length = written.Length * LengthBytes;
        foreach (var part in written)
            length += part.Length;
        writer.WriteFieldHeader(fieldIdDelta, expectedType!, typeof(T), WireType.LengthPrefixed);
        writer.WriteVarUInt32((uint)length);
        foreach (var part in written)
        {
            writer.WriteInt32(part.Length);
            writer.Write(part);
        }
    }

    /// <summary>Reads a message.</summary>
    /// <returns>In a batch, for a message that cannot be read, what says so in its place: the grain refuses it after it has handled the
    /// rest.</returns>
    /// <exception cref="ArgumentException">The argument of an operation cannot be read, or is of another kind; the message says what was
    /// expected and what was found.</exception>
    public T ReadValue<TInput>(ref Reader<TInput> reader, Field field)
    {
        if (field.IsReference)
            return ReferenceCodec.ReadReference<T, TInput>(ref reader, field)!;
        field.EnsureWireType(WireType.LengthPrefixed);
        var length = reader.ReadVarUInt32();
        var end = reader.Position + length;
        var text = new MessageText(
            ReadPart(ref reader, end),
            ReadPart(ref reader, end),
            ReadPart(ref reader, end),
            ReadPart(ref reader, end),
            ReadPart(ref reader, end));
        reader.Skip(end - reader.Position);
        var message = Read(text);
        ReferenceCodec.RecordObject(reader.Session, message);
        return message;
    }

    private T Read(MessageText text)
    {
        try
        {
            var message = text.Read(parts);
            return message as T ?? throw new ArgumentException($"found a {message.GetType().Name}");
        }
        catch (ArgumentException refused)
        {
            return new UnreadableMessage(refused.Message) as GrainMessage as T ?? throw new ArgumentException(
                $"expected a {typeof(T).Name}: {refused.Message}", refused);
        }
    }

    /// <summary>A part, which is empty where an earlier version has ended the message before it.</summary>
    private static byte[] ReadPart<TInput>(ref Reader<TInput> reader, long end)
    {
        var length = reader.Position < end ? reader.ReadInt32() : 0;
        return length == 0 ? [] : reader.ReadBytes((uint)length);
    }
}
