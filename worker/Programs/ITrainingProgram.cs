using Coordinator.Programs;
using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Programs;

/// <summary>A training program for one job: its parameters and the devices that compute it.</summary>
public interface ITrainingProgram
{
    /// <summary>Names, shapes and places of the parameters.</summary>
    ParameterLayout Layout { get; }

    /// <summary>What its devices are given for each sample.</summary>
    Samples Samples { get; }

    /// <summary>
    /// Another object of the program behind the public contract, for a device that computes it otherwise than on the CPU; null where the
    /// program is a process, which has its devices itself. The device owns it.
    /// </summary>
    TrainingProgram? Open();

    /// <summary>A CPU device for one rank. Its owner disposes it; the sample source is not disposed.</summary>
    /// <param name="samples">Source of <see cref="Samples"/>; may be null where the program wants none.</param>
    /// <param name="options">How it computes.</param>
    /// <exception cref="ArgumentNullException">The program needs samples and got none.</exception>
    /// <exception cref="PlatformNotSupportedException">This machine lacks the vector width asked for.</exception>
    IRankDevice CreateCpuDevice(ISampleSource? samples, CpuDeviceOptions options);

    /// <summary>
    /// What a rank computes with in the end, around a device that computes this program, which it owns: programs of a team's own are
    /// watched there. Called once.
    /// </summary>
    IRankDevice Watch(IRankDevice device) => device;
}
