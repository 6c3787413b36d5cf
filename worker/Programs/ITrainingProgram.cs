using Coordinator.Worker.Data;
using Coordinator.Worker.Devices;

namespace Coordinator.Worker.Programs;

/// <summary>A training program for one job: its parameters and the devices that compute it.</summary>
public interface ITrainingProgram
{
    /// <summary>Names, shapes and places of the parameters.</summary>
    ParameterLayout Layout { get; }

    /// <summary>Whether devices need samples; a program that makes its own data does not.</summary>
    bool NeedsSamples { get; }

    /// <summary>A CPU device for one rank. Its owner disposes it; the sample source is not disposed.</summary>
    /// <param name="samples">Source of samples of the model's block; may be null where <see cref="NeedsSamples"/> is false.</param>
    /// <param name="options">How it computes.</param>
    /// <exception cref="ArgumentNullException">The program needs samples and got none.</exception>
    /// <exception cref="PlatformNotSupportedException">This machine lacks the vector width asked for.</exception>
    IRankDevice CreateCpuDevice(ISampleSource? samples, CpuDeviceOptions options);
}
