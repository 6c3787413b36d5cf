using System.Buffers.Binary;
using Coordinator.Server.Files;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Coordinator.Server.Storage;

/// <summary>
/// Looks at a file before it is opened as a database of the coordinator's. SQLite itself makes tables in whatever database it is given and
/// finds damage where it happens to read, so another program's file would be written to, and a truncated one would be a surprise later.
/// </summary>
public static class SqliteFile
{
    /// <summary>What marks a database as the coordinator's, in its header: <c>COOR</c>.</summary>
    internal const int ApplicationId = 0x434F4F52;

    private const int HeaderBytes = 100;

    // Read in a tenth of a second. A larger one is found to be damaged where it is read.
    private const long MostCheckedBytes = 64L << 20;

    private const string Elsewhere = "Give another --data-dir, or move that file away: a new database is made where there is none.";

    private const string Damaged =
        "Restore it from a backup, or move it away and begin anew; models, data and checkpoints are files of their own, and stay.";

    /// <summary>Refuses what is no database of the coordinator's; a missing or empty file is a database that is still to be made.</summary>
    /// <param name="path">The file.</param>
    /// <param name="table">A table that every database of this kind has.</param>
    /// <exception cref="StoreUnusableException">It is something else, or damaged. It was only read.</exception>
    public static void Check(string path, string table)
    {
        try
        {
            if (FileKinds.Of(path) is var kind && kind is not (FileKind.Missing or FileKind.Regular))
                throw new StoreUnusableException(path, kind == FileKind.Folder ? "it is a folder" : "it is no regular file", Elsewhere);
            if (kind == FileKind.Missing || ReadHeader(path) is not { Length: > 0 } header)
                return;
            CheckHeader(path, header);
            CheckTables(path, table);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new StoreUnusableException(
                path,
                $"it cannot be read ({refused.Message})",
                "See to its permissions and its disk, or give another --data-dir.",
                refused);
        }
        catch (SqliteException refused) when (WhyUnusable(path, refused) is { } unusable)
        {
            throw unusable;
        }
    }

    /// <summary>
    /// The exception for an error of SQLite's that passes by no waiting; null for one that may pass, such as a full disk.
    /// </summary>
    internal static StoreUnusableException? WhyUnusable(string path, SqliteException refused) => refused.SqliteErrorCode switch
    {
        SQLitePCL.raw.SQLITE_CORRUPT => new(path, "it is damaged", Damaged, refused),
        SQLitePCL.raw.SQLITE_NOTADB => new(path, "it is no SQLite database", Elsewhere, refused),
        SQLitePCL.raw.SQLITE_CANTOPEN or SQLitePCL.raw.SQLITE_READONLY or SQLitePCL.raw.SQLITE_PERM or SQLitePCL.raw.SQLITE_AUTH =>
            new(
                path,
                "it cannot be opened for writing",
                "See to the permissions of the file and of its folder, or give another --data-dir.",
                refused),
        _ => null,
    };

    private static byte[] ReadHeader(string path)
    {
        var header = new byte[HeaderBytes];
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return header[..file.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false)];
    }

    private static void CheckHeader(string path, byte[] header)
    {
        if (header.Length < HeaderBytes || !header.AsSpan().StartsWith("SQLite format 3\0"u8))
            throw new StoreUnusableException(path, "it is no SQLite database", Elsewhere);
        if (Word(68) is not 0 and not ApplicationId and var other)
            throw new StoreUnusableException(path, $"it is another program's (its application id is {other})", Elsewhere);

        // A page that is not in the file yet may still be in the log beside it.
        var page = BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(16)) is var size && size == 1 ? 65536 : size;
        var bytes = new FileInfo(path).Length;
        if (Word(24) == Word(92) && bytes < (long)page * (uint)Word(28) && new FileInfo(path + "-wal") is not { Exists: true, Length: > 0 })
            throw new StoreUnusableException(path, $"it ends after {bytes} of its {(long)page * (uint)Word(28)} bytes", Damaged);

        int Word(int at) => BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(at));
    }

    private static void CheckTables(string path, string table)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Mode = SqliteOpenMode.ReadOnly,
            Pooling = false,
            DefaultTimeout = 5,
        }.ToString());
        connection.Open();
        var tables = connection.Query<string>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").ToArray();
        if (tables.Length > 0 && !tables.Contains(table))
        {
            throw new StoreUnusableException(
                path, $"it is another program's (it has the tables {string.Join(", ", tables.Take(5))})", Elsewhere);
        }
        if (new FileInfo(path).Length <= MostCheckedBytes
            && connection.ExecuteScalar<string>("PRAGMA quick_check(1)") is not "ok" and var found)
        {
            throw new StoreUnusableException(path, $"it is damaged ({found?.ReplaceLineEndings(" ")})", Damaged);
        }
    }
}
