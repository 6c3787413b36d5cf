using System.Runtime.InteropServices;

namespace Coordinator.Disk;

/// <summary>
/// What the system says of a file. Two that are equal name the same content: whoever writes to a file moves <paramref name="ChangedAt"/>,
/// which no program can set back. A disk that loses a bit by itself moves nothing.
/// </summary>
/// <param name="Device">Number of the file system.</param>
/// <param name="Node">Number of the file in it.</param>
/// <param name="Bytes">Length.</param>
/// <param name="ModifiedAt">When its content was last written, nanoseconds; anybody can set it.</param>
/// <param name="ChangedAt">When content or attributes were last changed, nanoseconds.</param>
/// <param name="Mode">Kind and permissions.</param>
/// <param name="Owner">Number of the user whose it is.</param>
public readonly record struct FileFacts(ulong Device, ulong Node, long Bytes, long ModifiedAt, long ChangedAt, uint Mode, uint Owner)
{
    /// <summary>Bytes of the system's own record.</summary>
    internal const int SystemBytes = 256;

    private const uint KindBits = 0xF000;
    private const uint PermissionBits = 0xFFF;
    private const uint OthersBits = 0x3F;
    private const uint SharedBits = 0x600;

    /// <summary>Whether it is a file of bytes.</summary>
    public bool IsRegular => (Mode & KindBits) == 0x8000;

    /// <summary>Whether it is a folder.</summary>
    public bool IsFolder => (Mode & KindBits) == 0x4000;

    /// <summary>Whether it is a pipe.</summary>
    public bool IsPipe => (Mode & KindBits) == 0x1000;

    /// <summary>Whether anybody but its owner may do anything with it.</summary>
    public bool IsOpenToOthers => (Mode & OthersBits) != 0;

    /// <summary>
    /// Whether it is a folder that was set up for several users: new files take its group, or only their owners may remove them.
    /// </summary>
    public bool IsSharedFolder => IsFolder && (Mode & SharedBits) != 0;

    /// <summary>The permissions as people write them, such as <c>0644</c>.</summary>
    public string Permissions => "0" + Convert.ToString(Mode & PermissionBits, 8).PadLeft(3, '0');

    /// <summary>What it is, for a message.</summary>
    public string Kind => (Mode & KindBits) switch
    {
        0x8000 => "a file",
        0x4000 => "a folder",
        0x1000 => "a pipe",
        0x2000 => "a device",
        0x6000 => "a disk",
        0xC000 => "a socket",
        _ => "of an unknown kind",
    };

    // struct statx has one layout on every architecture.
    internal static FileFacts Read(ReadOnlySpan<byte> system) => new(
        ((ulong)Number<uint>(system, 136) << 32) | Number<uint>(system, 140),
        Number<ulong>(system, 32),
        Number<long>(system, 40),
        Nanoseconds(system[112..]),
        Nanoseconds(system[96..]),
        Number<ushort>(system, 28),
        Number<uint>(system, 20));

    private static long Nanoseconds(ReadOnlySpan<byte> time) => (Number<long>(time, 0) * 1_000_000_000) + Number<uint>(time, 8);

    private static T Number<T>(ReadOnlySpan<byte> system, int at)
        where T : unmanaged => MemoryMarshal.Read<T>(system[at..]);
}
