using System.Runtime.InteropServices;
using Coordinator.Machines.Jobs;
using Coordinator.Tests.Support;
using Coordinator.Worker.Data;

namespace Coordinator.Tests.Data;

/// <summary>Tables of numbers as data: the same numbers are the same file, and what is no number is named by its place.</summary>
public sealed class TableTests : IDisposable
{
    private static readonly ModelSpec Own = new() { Program = "dotnet" };

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_same_numbers_are_the_same_data_however_they_are_written()
    {
        var plain = Freeze("a.csv", "1,2.5,-3\n4,5,6e-1\n");

        Assert.Equal((DataSpec.Table, 3, 24L), (plain.Encoding, plain.Columns, plain.Bytes));
        Assert.Equal(plain, Freeze("b.csv", "\uFEFFage, \"height, in m\" ,price\r\n1,\"2.50\",-3.0\r\n 4 ,5.,0.6\r\n\r\n"));
        Assert.Equal(plain, Freeze("c.tsv", "1\t2.5\t-3\n4\t5\t0.6"));
        Assert.Equal(
            [1f, 2.5f, -3f, 4f, 5f, 0.6f], MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(DataStore.PathOf(folder.File("store"),
                plain.Sha256))).ToArray());
    }

    [Theory]
    [InlineData("a,b\n1,2\n3,x\n", "line 3, column 2 (b) is 'x' and no number that float32 can hold; write a finite number with a point, "
        + "or delete the line")]
    [InlineData("1,2\n3,\n", "line 2, column 2 is empty; write a finite number with a point, or delete the line")]
    [InlineData("1,2\n3,NaN\n", "line 2, column 2 is 'NaN' and no number that float32 can hold; write a finite number with a point, or "
        + "delete the line")]
    [InlineData("1,2\n3,1e39\n", "line 2, column 2 is '1e39' and no number that float32 can hold; write a finite number with a point, or "
        + "delete the line")]
    [InlineData("1,two\n3,4\n", "line 1, column 2 is 'two' and no number that float32 can hold, while other cells of the line are numbers "
        + "(a line of names has none); write a finite number with a point, or delete the line")]
    [InlineData("1,2\n3,4,5\n", "line 2 has 3 cells, and the first has 2; cells have commas between them; mend the line or delete it")]
    [InlineData("1,2\n\n3,4\n", "line 2 is empty, and more lines follow; delete it")]
    [InlineData("1,\"2\n3,4\n", "line 1 has a quotation mark that is not closed; a cell of a table of numbers ends on its line; close it")]
    public void A_cell_that_is_no_number_is_refused_by_its_line_and_column(string text, string said)
    {
        var refused = Assert.Throws<DataException>(() => Freeze("bad.csv", text));

        Assert.Equal((DataProblem.WrongFormat, $"{folder.File("bad.csv")}: {said}"), (refused.Problem, refused.Message));
        Assert.Empty(Directory.GetFiles(folder.File("store")));
    }

    [Fact]
    public void A_table_of_names_alone_is_empty() =>
        Assert.Equal(DataProblem.Empty, Assert.Throws<DataException>(() => Freeze("names.csv", "a,b\n")).Problem);

    [Fact]
    public void Several_files_are_one_table_where_they_have_the_same_columns()
    {
        folder.Write("set/1.csv", "a,b\n1,2\n");
        folder.Write("set/2.csv", "a,b\n3,4\n");
        var spec = new DataFreezer(folder.File("store")).Freeze(folder.File("set"), Own);
        Assert.Equal(16, spec.Bytes);

        folder.Write("set/3.csv", "a,c\n3,4\n");
        Assert.Equal(DataProblem.MixedKinds, Assert.Throws<DataException>(() =>
            new DataFreezer(folder.File("store")).Freeze(folder.File("set"), Own)).Problem);
        folder.Write("set/3.csv", "1\n");
        Assert.Equal(DataProblem.MixedKinds, Assert.Throws<DataException>(() =>
            new DataFreezer(folder.File("store")).Freeze(folder.File("set"), Own)).Problem);
        folder.Write("set/3.csv", "1,2\n");
        folder.Write("set/readme.txt", "what the columns are\n");
        Assert.Equal(DataProblem.MixedKinds, Assert.Throws<DataException>(() =>
            new DataFreezer(folder.File("store")).Freeze(folder.File("set"), Own)).Problem);
    }

    [Fact]
    public void To_a_program_that_reads_no_tables_it_is_text_as_before()
    {
        folder.Write("a.csv", "1,2,3\n4,5,6\n");
        var spec = new DataFreezer(folder.File("store")).Freeze(folder.File("a.csv"), new ModelSpec { Block = 4 });

        Assert.Equal(("bytes", 12L, 0), (spec.Encoding, spec.Bytes, spec.Columns));
    }

    [Fact]
    public void Every_row_comes_up_once_in_an_epoch_and_in_another_order_in_the_next()
    {
        var spec = Freeze("a.csv", string.Concat(Enumerable.Range(0, 50).Select(row => $"{row},{row * 2}\n")));
        using var data = FrozenData.Open(DataStore.PathOf(folder.File("store"), spec.Sha256), spec);
        var sampler = new RowSampler(data, seed: 7);
        var epochs = Enumerable.Range(0, 2).Select(epoch => Enumerable.Range(0, 50).Select(at => Row(sampler,
            (epoch * 50) + at)).ToArray()).ToArray();

        Assert.All(epochs, epoch => Assert.Equal(Enumerable.Range(0, 50).Select(row => ((float)row, row * 2f)), epoch.Order()));
        Assert.NotEqual(epochs[0], epochs[1]);
        Assert.Equal(epochs[1][3], Row(sampler, 53));
    }

    private static (float First, float Second) Row(RowSampler sampler, long position)
    {
        var row = new float[2];
        sampler.ReadRow(position, row);
        return (row[0], row[1]);
    }

    private DataSpec Freeze(string name, string text)
    {
        folder.Write(name, text);
        return new DataFreezer(folder.File("store")).Freeze(folder.File(name), Own);
    }
}
