using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Coordinator.Machines.Jobs;
using Coordinator.Worker.Files;

namespace Coordinator.Worker.Data;

/// <summary>
/// Turns tables of numbers into one frozen data set: rows of little-endian float32, one behind the other, without names. The same numbers
/// make the same bytes, however they were written. Several files are one table, in the order of their names; they have the same columns.
/// </summary>
internal static class TableFreezer
{
    /// <summary>Whether a source consists of tables, to a program that reads such.</summary>
    /// <exception cref="DataException"><see cref="DataProblem.MixedKinds"/>: of tables and of something else.</exception>
    public static bool IsTable(DataSource source)
    {
        if (source.IsBinary || !source.Files.Any(file => TableText.IsTable(file.Path)))
            return false;
        return source.Files.FirstOrDefault(file => !TableText.IsTable(file.Path)) is { } other
            ? throw new DataException(
                DataProblem.MixedKinds,
                $"{source.Name} holds tables ({source.Files.First(file => TableText.IsTable(file.Path)).RelativePath}) and something else "
                    + $"({other.RelativePath}), and one job reads one kind; choose with a glob in --data, such as '*.csv'")
            : true;
    }

    /// <summary>Freezes tables into a store.</summary>
    /// <exception cref="DataException">They cannot be used, or the store cannot be written.</exception>
    public static DataSpec Freeze(DataSource source, string store)
    {
        try
        {
            using var file = AtomicFile.Create(store, "freezing");
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var spec = new DataSpec { Encoding = DataSpec.Table };
            (string Path, TableText Table)? first = null;
            foreach (var one in source.Files)
            {
                using var text = TableText.Open(one.Path);
                var table = new TableText(one.Path, text);
                spec = spec with { Bytes = spec.Bytes + Append(table, file.Stream, hash) };
                if (table.Columns == 0)
                    continue;
                first ??= (one.Path, table);
                RefuseOther(one.Path, table, first.Value);
            }

            spec = spec with { Columns = first?.Table.Columns ?? 0 };
            if (spec.Bytes == 0)
                throw new DataException(DataProblem.Empty, $"{source.Name}: no row of numbers; name a table with rows with --data");
            spec = spec with { Sha256 = Convert.ToHexStringLower(hash.GetHashAndReset()) };
            file.Commit(DataStore.PathOf(store, spec.Sha256));
            return spec;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DataFreezer.StoreUnwritable(store, e);
        }
    }

    private static long Append(TableText table, Stream to, IncrementalHash hash)
    {
        long bytes = 0;
        float[]? row = null;
        while ((row = table.Read(row)) is not null)
        {
            if (!BitConverter.IsLittleEndian)
                BinaryPrimitives.ReverseEndianness(MemoryMarshal.Cast<float, uint>(row), MemoryMarshal.Cast<float, uint>(row.AsSpan()));
            var content = MemoryMarshal.AsBytes(row.AsSpan());
            to.Write(content);
            hash.AppendData(content);
            bytes += content.Length;
        }

        return bytes;
    }

    private static void RefuseOther(string path, TableText table, (string Path, TableText Table) first)
    {
        if (table.Columns != first.Table.Columns)
        {
            throw new DataException(DataProblem.MixedKinds, $"{path} has {table.Columns} columns and {first.Path} has "
                + $"{first.Table.Columns}, and they are to be one table; choose with a glob in --data");
        }

        if (table.Names is not null && first.Table.Names is not null && !table.Names.SequenceEqual(first.Table.Names))
        {
            throw new DataException(DataProblem.MixedKinds,
                $"{path} names other columns than {first.Path}, and they are to be one table; choose with a glob in --data");
        }
    }
}
