using System.Diagnostics;
using System.Reflection;
using System.Runtime.Loader;
using Coordinator.Programs;
using Coordinator.Worker.Programs;

namespace Coordinator.Worker.Assemblies;

/// <summary>
/// A team's assembly, loaded for one device of one job: statics of a program are never shared by two ranks, whether they live in one worker
/// or in two. What it depends on is found beside it; of ours it meets the contract alone. It is unloaded when its device is gone.
/// </summary>
internal sealed class ProgramAssembly : IDisposable
{
    private const string Remedy = "build it with the package Coordinator.Programs that came with this coordinator ('coordinator new "
        + "program --lang csharp' makes a folder that does)";

    private readonly Context context;
    private readonly ConstructorInfo constructor;
    private bool isUnloaded;

    private ProgramAssembly(Context context, ConstructorInfo constructor) => (this.context, this.constructor) = (context, constructor);

    /// <summary>The class that is the program.</summary>
    public string Name => constructor.DeclaringType!.Name;

    /// <summary>Loads an assembly and finds its program.</summary>
    /// <param name="path">Full path.</param>
    /// <exception cref="InvalidJobException">It is no program, or cannot be loaded; it is so on every node.</exception>
    public static ProgramAssembly Load(string path)
    {
        var name = Path.GetFileName(path);
        if (!File.Exists(path))
            throw new InvalidJobException($"{name} is not among the files of the program; name the assembly with --program");
        Context? context = null;
        try
        {
            context = new Context(path);
            var assembly = context.LoadFromAssemblyPath(path);
            RefuseOtherContract(name, assembly);
            return new ProgramAssembly(context, ConstructorOf(name, assembly));
        }
        catch (InvalidJobException)
        {
            context?.Unload();
            throw;
        }
        catch (Exception e) when (e is IOException or BadImageFormatException or TypeLoadException or ReflectionTypeLoadException
            or MissingMemberException or InvalidOperationException)
        {
            context?.Unload();
            var cause = e is ReflectionTypeLoadException { LoaderExceptions: [{ } first, ..] } ? first : e;
            throw new InvalidJobException(
                $"{name} cannot be loaded: {cause.Message.TrimEnd('.')}; see that it is an assembly for this .NET "
                    + $"({Environment.Version.Major}), and that its packages lie beside it (EnableDynamicLoading in its project brings "
                    + $"them there)",
                e);
        }
    }

    /// <summary>An object of the program.</summary>
    /// <exception cref="InvalidJobException">It says that it cannot compute the job.</exception>
    /// <exception cref="RankFaultException">Its constructor failed otherwise.</exception>
    public TrainingProgram Make(ProgramJob job)
    {
        try
        {
            return (TrainingProgram)constructor.Invoke(constructor.GetParameters().Length == 0 ? [] : [job]);
        }
        catch (TargetInvocationException failed) when (failed.InnerException is ProgramException refused)
        {
            throw new InvalidJobException($"{Name}: {refused.Message}", refused);
        }
        catch (TargetInvocationException failed)
        {
            throw Fault("in its constructor", failed.InnerException ?? failed);
        }
    }

    /// <summary>What the program threw, as a fault of its rank: its own words, and the last line of its own that was reached.</summary>
    public ProgramCodeException Fault(string where, Exception thrown) =>
        new($"{Name} failed {where}: {thrown.GetType().Name}: {thrown.Message.ReplaceLineEndings(" ")}{PlaceOf(thrown)}", thrown);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!Interlocked.Exchange(ref isUnloaded, true))
            context.Unload();
    }

    private static void RefuseOtherContract(string name, Assembly assembly)
    {
        var contract = typeof(TrainingProgram).Assembly.GetName().Name;
        var wanted = assembly.GetReferencedAssemblies().FirstOrDefault(used => used.Name == contract)?.Version
            ?? throw new InvalidJobException($"{name} is no program: it does not use {contract}; {Remedy}");
        if (wanted.Major != ProgramContract.Version)
        {
            throw new InvalidJobException($"{name} was built against version {wanted.Major} of the contract for programs, and this worker "
                + $"has version {ProgramContract.Version}; {Remedy}");
        }
    }

    private static ConstructorInfo ConstructorOf(string name, Assembly assembly)
    {
        Type[] programs = [.. assembly.GetExportedTypes().Where(type => type is { IsAbstract: false }
            && typeof(TrainingProgram).IsAssignableFrom(type))];
        if (programs is not [var program])
        {
            throw new InvalidJobException(programs.Length == 0
                ? $"{name} has no program: make a public class that derives from {nameof(TrainingProgram)}"
                : $"{name} has {programs.Length} programs, {string.Join(" and ", programs.Select(type => type.Name))}, and a job runs "
                + "one: leave one of them public, or give each an assembly");
        }

        return program.GetConstructor([typeof(ProgramJob)]) ?? program.GetConstructor([])
            ?? throw new InvalidJobException($"{program.Name} in {name} has no public constructor that takes a {nameof(ProgramJob)} or "
            + $"nothing: give it one");
    }

    private string PlaceOf(Exception thrown)
    {
        var own = new StackTrace(thrown, fNeedFileInfo: true).GetFrames()
            .FirstOrDefault(frame => frame.GetMethod() is { } method
                && AssemblyLoadContext.GetLoadContext(method.Module.Assembly) == context);
        return own?.GetFileName() is { } file ? $" ({Path.GetFileName(file)}, line {own.GetFileLineNumber()})"
            : own?.GetMethod() is { } method ? $" (in {method.DeclaringType?.Name}.{method.Name})" : "";
    }

    private sealed class Context(string path) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(path), isCollectible: true)
    {
        private readonly AssemblyDependencyResolver resolver = new(path);

        /// <summary>The contract, and what ILGPU's side of it is made of, is the worker's, whatever lies beside the program.</summary>
        private static bool IsShared(string? name) => name is "Coordinator.Programs" or "Coordinator.Programs.Ilgpu" or "ILGPU";

        protected override Assembly? Load(AssemblyName name) =>
            !IsShared(name.Name) && resolver.ResolveAssemblyToPath(name) is { } found ? LoadFromAssemblyPath(found) : null;

        protected override nint LoadUnmanagedDll(string name) =>
            resolver.ResolveUnmanagedDllToPath(name) is { } found ? LoadUnmanagedDllFromPath(found) : 0;
    }
}
