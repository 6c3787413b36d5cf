using System.Globalization;
using Coordinator.Machines;

namespace Coordinator.Server.Files;

/// <summary>
/// Names of final models in a silo's store. Each length that a job ever had has a model of its own, since stored files never change: that
/// of a job whose steps were raised has its step in its name, behind a character that no id has.
/// </summary>
public static class ModelFiles
{
    /// <summary>The name of a model.</summary>
    /// <param name="job">Its job.</param>
    /// <param name="step">Its step.</param>
    /// <param name="submitted">Steps with which the job was submitted.</param>
    public static string NameOf(JobId job, long step, long submitted) =>
        step == submitted ? $"{job.Value}.safetensors" : string.Create(CultureInfo.InvariantCulture, $"{job.Value}@{step}.safetensors");
}
