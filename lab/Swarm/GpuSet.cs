using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization;
using Coordinator.Machines;

namespace Coordinator.Lab.Swarm;

/// <summary>
/// Members of a whole membership as a bit for each gpu of the swarm, read from the silo's text without making objects of them: one process
/// reads it for thousands of nodes, each from the bytes that came to it. What members are called and where they are is not kept.
/// </summary>
/// <param name="bits">By number of the gpu.</param>
/// <param name="count">Members.</param>
internal sealed class GpuSet(ulong[] bits, int count) : IReadOnlyList<Member>
{
    public ReadOnlySpan<ulong> Bits => bits;

    public int Count => count;

    public Member this[int index] => throw NotKept();

    public IEnumerator<Member> GetEnumerator() => throw NotKept();

    IEnumerator IEnumerable.GetEnumerator() => throw NotKept();

    private static NotSupportedException NotKept() => new("an agent keeps a bit for each member, not the member");

    /// <summary>Reads one.</summary>
    internal sealed class Converter(SwarmShape shape) : JsonConverter<IReadOnlyList<Member>>
    {
        /// <exception cref="FormatException">A member is none of the swarm's.</exception>
        public override IReadOnlyList<Member> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var bits = new ulong[shape.Words];
            var (told, count) = (new MembersReader(), 0);
            while (told.Next(ref reader))
            {
                // The names of a swarm count on as its numbers do.
                var first = shape.NumberOf(told.Node, told.FirstGpu + told.Gpus - 1) - told.Gpus + 1;
                if (first + ((long)(told.Nodes - 1) * shape.GpusPerNode) >= (long)shape.Nodes * shape.GpusPerNode)
                    throw new FormatException($"{told.Nodes} nodes from {told.Node} on are none of this swarm");
                for (var node = 0; node < told.Nodes; node++, first += shape.GpusPerNode)
                {
                    for (var number = first; number < first + told.Gpus; number++)
                        bits[number / 64] |= 1UL << (number % 64);
                }

                count += told.Nodes * told.Gpus;
            }

            return new GpuSet(bits, count);
        }

        public override void Write(Utf8JsonWriter writer, IReadOnlyList<Member> value, JsonSerializerOptions options) => throw NotKept();
    }
}
