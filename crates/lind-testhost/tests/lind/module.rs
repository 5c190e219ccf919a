//! The module itself, against the interface: nothing that the runtime does not give, nothing that it does not ask for.

use wasmparser::{
    DataKind, ElementItems, ElementKind, ExternalKind, KnownCustom, MemoryType, Name, Operator, Parser,
    Payload, TypeRef, ValType, Validator, WasmFeatures,
};

fn module() -> Vec<u8> {
    let path = std::env::var_os("IMFS_GRATE").expect("make test-grate says where the module is");
    std::fs::read(path).expect("the module was built")
}

fn payloads(bytes: &[u8]) -> Vec<Payload<'_>> {
    Parser::new(0).parse_all(bytes).map(|payload| payload.expect("a module")).collect()
}

/// All function types, as text.
fn types(payloads: &[Payload<'_>]) -> Vec<String> {
    let mut types = Vec::new();
    for payload in payloads {
        if let Payload::TypeSection(section) = payload {
            for group in section.clone().into_iter_err_on_gc_types() {
                types.push(signature(&group.expect("a function type")));
            }
        }
    }
    types
}

fn signature(function: &wasmparser::FuncType) -> String {
    let list = |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    format!("({}) -> ({})", list(function.params()), list(function.results()))
}

#[test]
fn imports_are_the_runtimes() {
    let bytes = module();
    let payloads = payloads(&bytes);
    let types = types(&payloads);
    let make_syscall = format!("(i32 {}) -> (i32)", ["i64"; 15].join(" "));
    let allowed = [
        ("lind", "make-syscall", make_syscall.as_str()),
        ("lind", "lind-get-memory-base", "() -> (i64)"),
        ("lind", "lind-get-cage-id", "() -> (i64)"),
        ("lind", "args_sizes_get", "(i32 i32) -> (i32)"),
        ("lind", "args_get", "(i32 i32) -> (i32)"),
        ("lind", "environ_sizes_get", "(i32 i32) -> (i32)"),
        ("lind", "environ_get", "(i32 i32) -> (i32)"),
        ("wasi_snapshot_preview1", "random_get", "(i32 i32) -> (i32)"),
    ];
    let mut seen = 0;
    for payload in &payloads {
        let Payload::ImportSection(section) = payload else { continue };
        for import in section.clone().into_imports() {
            let import = import.expect("an import");
            match import.ty {
                TypeRef::Func(index) => {
                    let found = (import.module, import.name, types[index as usize].as_str());
                    assert!(allowed.contains(&found), "{found:?}");
                    seen += 1;
                }
                TypeRef::Memory(MemoryType { shared, memory64, initial, maximum, .. }) => {
                    assert_eq!((import.module, import.name), ("env", "memory"));
                    assert!(shared && !memory64 && maximum == Some(65536), "{initial} {maximum:?}");
                    // The grate hides the stacks of its workers, which start here, from fork.
                    assert_eq!(initial, 32);
                }
                other => panic!("{}.{} is imported: {other:?}", import.module, import.name),
            }
        }
    }
    assert_eq!(seen, allowed.len());
}

#[test]
fn exports_are_what_the_runtime_asks_for() {
    let bytes = module();
    let mut exports: Vec<(String, ExternalKind)> = Vec::new();
    for payload in payloads(&bytes) {
        if let Payload::ExportSection(section) = payload {
            exports.extend(section.into_iter().map(|export| {
                let export = export.expect("an export");
                (export.name.to_owned(), export.kind)
            }));
        }
    }
    exports.sort_by(|one, other| one.0.cmp(&other.0));
    let wanted = [
        ("__stack_low", ExternalKind::Global),
        ("__stack_pointer", ExternalKind::Global),
        ("_start", ExternalKind::Func),
        // Binaryen adds it with the other four.
        ("asyncify_get_state", ExternalKind::Func),
        ("asyncify_start_rewind", ExternalKind::Func),
        ("asyncify_start_unwind", ExternalKind::Func),
        ("asyncify_stop_rewind", ExternalKind::Func),
        ("asyncify_stop_unwind", ExternalKind::Func),
        ("memory", ExternalKind::Memory),
        ("pass_fptr_to_wt", ExternalKind::Func),
    ];
    assert_eq!(exports, wanted.map(|(name, kind)| (name.to_owned(), kind)));
}

#[test]
fn exported_globals_and_functions_have_their_types() {
    let bytes = module();
    let engine = lind_testhost::Runtime::engine();
    let module = wasmtime::Module::new(&engine, &bytes).expect("a module");
    let global = |name: &str| {
        let ty = module.get_export(name).expect("it is exported");
        let global = ty.global().expect("a global").clone();
        (global.content().is_i32(), global.mutability() == wasmtime::Mutability::Var)
    };
    assert_eq!(global("__stack_pointer"), (true, true));
    assert_eq!(global("__stack_low"), (true, false));
    let function = |name: &str| {
        let ty = module.get_export(name).expect("it is exported");
        let function = ty.func().expect("a function").clone();
        let all_i64 = function.params().all(|param| param.is_i64());
        let i32_result = function.results().all(|result| result.is_i32());
        (function.params().len(), all_i64, function.results().len(), i32_result)
    };
    assert_eq!(function("pass_fptr_to_wt"), (14, true, 1, true));
    assert_eq!(function("_start"), (0, true, 1, true));
    for name in ["asyncify_stop_unwind", "asyncify_stop_rewind"] {
        assert_eq!(function(name), (0, true, 0, true), "{name}");
    }
    for name in ["asyncify_start_unwind", "asyncify_start_rewind"] {
        let ty = module.get_export(name).expect("it is exported");
        let function = ty.func().expect("a function").clone();
        assert!(function.params().all(|param| param.is_i32()), "{name}");
        assert_eq!((function.params().len(), function.results().len()), (1, 0), "{name}");
    }
    let low = module.get_export("memory").expect("it is exported");
    assert!(low.memory().is_some_and(wasmtime::MemoryType::is_shared));
}

#[test]
fn segments_are_passive_and_handlers_start_at_two() {
    let bytes = module();
    let (mut segments, mut start, mut tables) = (0, false, 0);
    for payload in payloads(&bytes) {
        match payload {
            Payload::DataSection(section) => {
                for data in section {
                    let data = data.expect("a segment");
                    assert!(matches!(data.kind, DataKind::Passive));
                    segments += 1;
                }
            }
            Payload::StartSection { .. } => start = true,
            Payload::TableSection(section) => tables += section.count(),
            Payload::ElementSection(section) => {
                for element in section {
                    let ElementKind::Active { offset_expr, .. } = element.expect("a segment").kind else {
                        panic!("an element segment that is not active");
                    };
                    let first = offset_expr.get_operators_reader().read().expect("an operator");
                    assert!(matches!(first, Operator::I32Const { value: 2 }), "{first:?}");
                }
            }
            _ => {}
        }
    }
    assert!(segments > 0 && start && tables == 1);
}

/// What the module may be made of. No other proposal's instructions or types pass.
#[test]
fn no_other_features_are_used() {
    let features = WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::FLOATS
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::THREADS;
    Validator::new_with_features(features).validate_all(&module()).expect("a valid module");
}

#[test]
fn sections_are_those_that_are_known() {
    let bytes = module();
    let mut custom = Vec::new();
    for payload in payloads(&bytes) {
        match payload {
            Payload::CustomSection(section) => custom.push(section.name().to_owned()),
            Payload::Version { .. }
            | Payload::TypeSection(_)
            | Payload::ImportSection(_)
            | Payload::FunctionSection(_)
            | Payload::TableSection(_)
            | Payload::GlobalSection(_)
            | Payload::ExportSection(_)
            | Payload::StartSection { .. }
            | Payload::ElementSection(_)
            | Payload::DataCountSection { .. }
            | Payload::CodeSectionStart { .. }
            | Payload::CodeSectionEntry(_)
            | Payload::DataSection(_)
            | Payload::End(_) => {}
            other => panic!("{other:?}"),
        }
    }
    custom.sort();
    assert_eq!(custom, ["name", "producers", "target_features"]);
}

/// All handlers, and whatever else has its address taken, from index 2 on; index 1 is the runtime's.
#[test]
fn the_table_has_as_many_places_as_functions() {
    let bytes = module();
    let (mut size, mut elements) = (None, 0);
    for payload in payloads(&bytes) {
        match payload {
            Payload::TableSection(section) => {
                for table in section {
                    let ty = table.expect("a table").ty;
                    assert!(ty.element_type.is_func_ref() && !ty.table64 && !ty.shared, "{ty:?}");
                    assert_eq!(ty.maximum, Some(ty.initial));
                    assert_eq!(size.replace(ty.initial), None);
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    let ElementItems::Functions(functions) = element.expect("a segment").items else {
                        panic!("an element segment of expressions");
                    };
                    elements += u64::from(functions.count());
                }
            }
            _ => {}
        }
    }
    assert_eq!(size, Some(elements + 2));
}

#[test]
fn names_features_and_thread_locals() {
    /// What the grate gives each worker for its thread-locals.
    const TLS_ROOM: usize = 4096;
    const FEATURES: [&str; 7] = [
        "atomics",
        "bulk-memory",
        "multivalue",
        "mutable-globals",
        "nontrapping-fptoint",
        "reference-types",
        "sign-ext",
    ];
    let bytes = module();
    let (mut named, mut thread_locals, mut sizes) = (false, None, Vec::new());
    for payload in payloads(&bytes) {
        match payload {
            Payload::DataSection(section) => {
                sizes = section.into_iter().map(|data| data.expect("a segment").data.len()).collect();
            }
            Payload::CustomSection(section) => match section.as_known() {
                KnownCustom::Name(names) => {
                    for name in names {
                        match name.expect("a name") {
                            Name::Module { name, .. } => named = !name.is_empty(),
                            Name::Data(map) => {
                                let names = map.into_iter().map(|naming| naming.expect("a name"));
                                thread_locals = names
                                    .filter(|naming| naming.name == ".tdata")
                                    .map(|naming| naming.index as usize)
                                    .next();
                            }
                            _ => {}
                        }
                    }
                }
                KnownCustom::Unknown if section.name() == "target_features" => {
                    let text = String::from_utf8_lossy(section.data()).into_owned();
                    let features = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
                    for feature in features.map(|feature| feature.trim_start_matches('+')) {
                        assert!(feature.is_empty() || FEATURES.contains(&feature), "{feature}");
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
    assert!(named, "fork needs a module name");
    let thread_locals = thread_locals.map(|index| sizes[index]);
    assert!(thread_locals.is_some_and(|size| size <= TLS_ROOM), "{thread_locals:?}");
}

#[test]
fn memory_is_never_grown() {
    let bytes = module();
    for payload in payloads(&bytes) {
        if let Payload::CodeSectionEntry(body) = payload {
            for operator in body.get_operators_reader().expect("a function") {
                assert!(!matches!(operator.expect("an operator"), Operator::MemoryGrow { .. }));
            }
        }
    }
}
