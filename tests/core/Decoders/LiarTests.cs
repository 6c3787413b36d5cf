using System.Text;
using Coordinator.Decoders.Targets;

namespace Coordinator.Tests.Decoders;

/// <summary>
/// Frames that generated inputs have found: each ended the silo's process, since a machine that throws does, or made it reserve gigabytes.
/// They are refused at the gateway.
/// </summary>
[Collection("decoders")]
public sealed class LiarTests
{
    private const string State =
        "\"say\":\"rank-state\",\"job\":\"job\",\"generation\":1,\"gpu\":\"a/0\",\"boot\":1000,\"hasState\":true,\"timeline\":0,\"applied\":0,\"recordedThrough\":0,\"stateBlocks\":9";
    private const string NoLists = ",\"reduced\":[],\"held\":[],\"assigned\":[]";
    private const string Part =
        "\"say\":\"checkpoint-part-saved\",\"job\":\"job\",\"generation\":1,\"gpu\":\"a/0\",\"checkpoint\":{\"timeline\":0,\"step\":5,\"generation\":1}";

    [Theory]
    [InlineData("{\"say\":\"hello\",\"protocol\":4,\"node\":\"a\",\"\\ud800\":1}")]
    [InlineData("{\"\\udc00\":\"hello\"}")]
    public void A_frame_with_half_a_surrogate_pair_is_refused_with_a_reason(string frame)
    {
        foreach (var first in (byte[])[0, 1])
            Assert.False(new WorkerFrameTarget().Read([first, .. Encoding.UTF8.GetBytes(frame)]));
    }

    [Theory]
    [InlineData("{" + State + NoLists + "}", true)]
    [InlineData("{" + State + ",\"reduced\":[{\"start\":0,\"count\":2147483647,\"step\":1}],\"held\":[],\"assigned\":[]}", false)]
    [InlineData("{" + State + ",\"reduced\":[{\"start\":-5,\"count\":2,\"step\":1}],\"held\":[],\"assigned\":[]}", false)]
    [InlineData("{" + State + ",\"reduced\":[],\"held\":[{\"start\":-4,\"size\":4}],\"assigned\":[]}", false)]
    [InlineData("{" + State + ",\"reduced\":[],\"held\":[{\"start\":0,\"size\":3}],\"assigned\":[]}", false)]
    [InlineData(
        "{" + State + ",\"reduced\":[],\"held\":[{\"start\":0,\"size\":1073741824},{\"start\":0,\"size\":1073741824}],\"assigned\":[]}",
        false)]
    [InlineData("{" + State + ",\"reduced\":[],\"held\":[],\"assigned\":[{\"start\":0,\"count\":-1}]}", false)]
    [InlineData("{" + State + ",\"reduced\":[],\"held\":[],\"assigned\":[{\"start\":0,\"count\":2147483647}]}", false)]
    [InlineData("{\"say\":\"gpus-measured\",\"readings\":[{\"index\":-1,\"xids\":[],\"hostBoot\":\"\"}]}", false)]
    [InlineData("{\"say\":\"gpus-measured\",\"readings\":[null]}", false)]
    [InlineData("{\"say\":\"plan-taken\",\"job\":\"job\",\"generation\":9223372036854775807,\"gpu\":\"a/0\"}", false)]
    [InlineData(
        "{" + Part
            + ",\"part\":{\"file\":\"f\",\"bytes\":9223372036854775807,\"sha256\":\"b\",\"offset\":0,\"elements\":1},\"snapshotMs\":1,\"writeMs\":1}",
        false)]
    [InlineData(
        "{" + Part
            + ",\"part\":{\"file\":\"f\",\"bytes\":9,\"sha256\":\"b\",\"offset\":0,\"elements\":1},\"snapshotMs\":1,\"writeMs\":\"NaN\"}",
        false)]
    [InlineData("{" + Part
        + ",\"part\":{\"file\":\"f\",\"bytes\":9,\"sha256\":\"b\",\"offset\":0,\"elements\":1},\"snapshotMs\":1e308,\"writeMs\":1}", false)]
    [InlineData(
        "{\"say\":\"steps-applied\",\"job\":\"job\",\"generation\":1,\"timeline\":0,\"steps\":[{\"step\":1,\"generation\":1,\"loss\":1,\"gradientNorm\":1,\"milliseconds\":-1,\"targets\":16}]}",
        false)]
    [InlineData(
        "{\"say\":\"steps-applied\",\"job\":\"job\",\"generation\":1,\"timeline\":0,\"steps\":[{\"step\":9223372036854775807,\"generation\":1,\"loss\":1,\"gradientNorm\":1,\"milliseconds\":1,\"targets\":16}]}",
        false)]
    public void A_frame_with_numbers_that_cannot_be_is_refused_and_harms_no_machine(string frame, bool accepted)
    {
        // A new world for each row, in another phase of the job.
        for (ulong seed = 0; seed < 8; seed++)
        {
            var target = new WorkerMessageTarget();
            target.Begin(new Coordinator.Decoders.Dice(seed));
            Assert.Equal(accepted, target.Read(Encoding.UTF8.GetBytes(frame)));
        }
    }
}
