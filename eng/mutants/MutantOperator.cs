namespace Coordinator.Mutants;

/// <summary>The kinds of change.</summary>
internal enum MutantOperator
{
    /// <summary>A condition of an <c>if</c>, a loop, a guard or a conditional expression says the opposite.</summary>
    NegatedCondition,

    /// <summary>A comparison includes its bound where it did not, and the other way round.</summary>
    MovedBoundary,

    /// <summary><c>&amp;&amp;</c> is <c>||</c>, and the other way round.</summary>
    OtherJunction,

    /// <summary><c>true</c> is <c>false</c>, and the other way round.</summary>
    OtherConstant,

    /// <summary>An addition or subtraction of one is left out.</summary>
    OffByOne,

    /// <summary>An assignment is not made.</summary>
    RemovedAssignment,

    /// <summary>A call whose result nobody wants is not made.</summary>
    RemovedCall,
}
