using System.Buffers.Binary;
using System.Text;
using Coordinator.Tests.Data;
using Coordinator.Tests.Support;
using Coordinator.Worker.Checkpoints;

namespace Coordinator.Tests.Checkpoints;

public sealed class SafeTensorsMutationTests : IDisposable
{
    private const string Json =
        """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"F16","shape":[],"data_offsets":[24,26]}}      """;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Any_spoiled_header_is_read_or_refused_by_type_and_what_is_read_covers_the_data()
    {
        var (read, refused) = (0, 0);
        for (var seed = 0; seed < 20_000; seed++)
        {
            var json = Mutator.Mutate(
                Encoding.UTF8.GetBytes(Json),
                seed,
                ["{", "}", "[", "]", "\"", ",", "0", "-", "9e9", "null", "99999999999", "\\u0061", "\\ud800"]);
            try
            {
                var header = SafeTensorsHeader.Parse($"seed {seed}", json, 26);
                Assert.Equal(26, header.Tensors.Sum(tensor => tensor.Bytes));
                Assert.All(header.Tensors, tensor => Assert.Equal(tensor.NeededBytes, tensor.Bytes));
                read++;
            }
            catch (SafeTensorsException)
            {
                refused++;
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {Encoding.UTF8.GetString(json)}: {e}");
            }
        }

        // Both happen, or the mutations are too weak or too strong to say anything.
        Assert.InRange(read, 200, 19_800);
        Assert.InRange(refused, 200, 19_800);
    }

    [Fact]
    public void Any_spoiled_file_is_read_or_refused_by_type()
    {
        var valid = new byte[8 + Json.Length + 26];
        BinaryPrimitives.WriteUInt64LittleEndian(valid, (ulong)Json.Length);
        Encoding.UTF8.GetBytes(Json).CopyTo(valid, 8);
        for (var seed = 0; seed < 2000; seed++)
        {
            var path = folder.Write("x", Mutator.Mutate(valid, seed, ["{", "\0", "\u007f\0\0\0\0\0\0\0"]));
            try
            {
                using var file = SafeTensorsFile.Open(path);
                foreach (var tensor in file.Tensors)
                    file.ReadBytes(tensor.Name, new byte[tensor.Bytes]);
            }
            catch (SafeTensorsException)
            {
                // Refused by type, as it should be.
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }
    }

    [Fact]
    public void A_deeply_nested_header_is_refused()
    {
        var json = Encoding.UTF8.GetBytes("{\"a\":" + new string('[', 1_000_000));
        Assert.Equal(
            SafeTensorsProblem.BadHeader, Assert.Throws<SafeTensorsException>(() => SafeTensorsHeader.Parse("x", json, 0)).Problem);
    }
}
