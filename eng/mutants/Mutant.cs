using Microsoft.CodeAnalysis;

namespace Coordinator.Mutants;

/// <summary>One mechanical change of one line of code.</summary>
/// <param name="Number">Its place among all changes that the operators find in the chosen folders: the same as long as the code is.</param>
/// <param name="Path">The file, from the root of the repository.</param>
/// <param name="Line">The line, from 1.</param>
/// <param name="Operator">What kind of change.</param>
/// <param name="Before">The code as it is, on one line.</param>
/// <param name="Node">Where in the syntax tree.</param>
internal sealed record Mutant(int Number, string Path, int Line, MutantOperator Operator, string Before, SyntaxNode Node);
