using System.Buffers;
using Coordinator.Grains.Hosting;
using Coordinator.Machines;
using Orleans.Serialization.Buffers;
using Orleans.Serialization.Cloning;
using Orleans.Serialization.Codecs;
using Orleans.Serialization.WireProtocol;

namespace Coordinator.Grains.Wire;

/// <summary>
/// Mail between silos: the number of messages, then of each its JSON and its shared parts, every one behind its length (-1: there is none).
/// No name of a .NET type is written. Within a silo nothing is.
/// </summary>
[RegisterSerializer]
public sealed class MailCodec : IFieldCodec<Mail>
{
    /// <inheritdoc/>
    public void WriteField<TBufferWriter>(ref Writer<TBufferWriter> writer, uint fieldIdDelta, Type? expectedType, Mail? value)
        where TBufferWriter : IBufferWriter<byte>
    {
        if (ReferenceCodec.TryWriteReferenceField(ref writer, fieldIdDelta, expectedType!, value))
            return;
        var texts = value!.Messages.Select(MessageText.Of).ToArray();
        writer.WriteFieldHeader(fieldIdDelta, expectedType!, typeof(Mail), WireType.LengthPrefixed);
        writer.WriteVarUInt32((uint)texts.Sum(text => 12 + text.Json.Length + (text.Change?.Length ?? 0) + (text.Deal?.Length ?? 0)) + 4);
        writer.WriteInt32(texts.Length);
        foreach (var text in texts)
        {
            Write(ref writer, text.Json);
            Write(ref writer, text.Change);
            Write(ref writer, text.Deal);
        }
    }

    /// <inheritdoc/>
    public Mail ReadValue<TInput>(ref Reader<TInput> reader, Field field)
    {
        if (field.IsReference)
            return ReferenceCodec.ReadReference<Mail, TInput>(ref reader, field)!;
        field.EnsureWireType(WireType.LengthPrefixed);
        reader.ReadVarUInt32();
        var count = reader.ReadInt32();
        var messages = new List<GrainMessage>(Math.Min(count, Outbox<int, int>.Batch));
        string? unreadable = null;
        for (var number = 0; number < count; number++)
        {
            var (json, change, deal) = (ReadPart(ref reader), ReadPart(ref reader), ReadPart(ref reader));
            try
            {
                messages.Add(MessageText.Read(json, change, deal));
            }
            catch (ArgumentException refused)
            {
                unreadable ??= refused.Message;
            }
        }

        var mail = new Mail(messages, unreadable);
        ReferenceCodec.RecordObject(reader.Session, mail);
        return mail;
    }

    private static void Write<TBufferWriter>(ref Writer<TBufferWriter> writer, byte[]? part)
        where TBufferWriter : IBufferWriter<byte>
    {
        writer.WriteInt32(part?.Length ?? -1);
        if (part is not null)
            writer.Write(part);
    }

    private static byte[] ReadPart<TInput>(ref Reader<TInput> reader)
    {
        var length = reader.ReadInt32();
        return length <= 0 ? [] : reader.ReadBytes((uint)length);
    }
}

/// <summary>Within a silo mail is handed over as it is: nobody changes a message that was sent.</summary>
[RegisterCopier]
public sealed class MailCopier : IDeepCopier<Mail>
{
    /// <inheritdoc/>
    public Mail? DeepCopy(Mail? input, CopyContext context) => input;
}
