using System.Data;
using Coordinator.Machines;
using Dapper;

namespace Coordinator.Server.Storage;

/// <summary>
/// Parameters of a statement, with every text among them made <see cref="PlainText"/>: whatever table and column it is for, nothing that
/// steers a
/// terminal or a database comes into storage, whoever said it. JSON that .NET has written is plain as it is, and stays so.
/// </summary>
internal sealed class PlainParameters(object values) : SqlMapper.IDynamicParameters
{
    public void AddParameters(IDbCommand command, SqlMapper.Identity identity)
    {
        ((SqlMapper.IDynamicParameters)new DynamicParameters(values)).AddParameters(command, identity);
        foreach (IDbDataParameter parameter in command.Parameters)
        {
            if (parameter.Value is string text)
                parameter.Value = PlainText.Line(text);
        }
    }
}
