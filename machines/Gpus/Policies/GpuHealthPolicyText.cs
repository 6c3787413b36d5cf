namespace Coordinator.Machines.Gpus.Policies;

/// <summary>The policy that is shipped; <c>docs/gpu-health.policy</c> is the same text, for operators to copy and edit.</summary>
public static class GpuHealthPolicyText
{
    /// <summary>Text of the shipped policy.</summary>
    public const string Default = """
        # What the coordinator does about a GPU's errors. Copy, edit, and give it to every silo with --gpu-policy FILE.
        # A line is 'kind numbers: remedy'; remedies are none, log, restart-program, drain-and-reset, reboot-node, quarantine.
        # What is not listed follows 'other'; unknown is not schedulable.

        # What the driver asks for (NVML field GET_GPU_RECOVERY_ACTION): 0 none, 1 reset, 2 reboot, 3 drain P2P, 4 drain and reset.
        recovery-action 0: none
        recovery-action 1 3 4: drain-and-reset
        recovery-action 2: reboot-node
        recovery-action other: quarantine

        # The program's own errors: it begins again, the GPU stays.
        xid 8 11 13 25 31 32 39-41 60 68-72 75-77 80 94 126-135: restart-program

        # Written down only.
        xid 14 37 38 43 44 63 66 67 92 93 106 107 121: log

        # Follows another error, which has a rule of its own.
        xid 45: none

        # The GPU must be reset; 48 is a double-bit memory error, 74 and 144-150 are NVLink's.
        xid 46 48 62 64 74 95 109 110 119 120 136 140 143-150 155 156 158: drain-and-reset

        # The GPU fell off the bus, or its node must boot.
        xid 79 160: reboot-node

        # Any other.
        xid other: quarantine

        # Memory errors that could not be corrected, counted since the driver was loaded.
        uncorrected-ecc: drain-and-reset

        # What follows an error within this time is the same incident.
        incident-seconds: 180

        """;
}
