<?php

use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Contracts\Http\Kernel;
use Illuminate\Foundation\Application;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Route;
use Illuminate\Support\Facades\Schema;

require 'Illuminate/autoload.php';
require __DIR__.'/app.php';

$app = new Application(__DIR__);
$app->singleton(Kernel::class, ApiKernel::class);
$app->singleton(ExceptionHandler::class, ApiHandler::class);
$app->booted(function () {
    Route::prefix('v1')->middleware('api')->group(fn () => routes());
    Route::fallback(fn () => abort(404))->middleware('api');
    if (!file_exists(config('database.connections.sqlite.database'))) {
        touch(config('database.connections.sqlite.database'));
        foreach (['customers' => ['email', 'name', 'description'], 'payment_methods' => ['customer', 'card', 'billing_details']] as $name => $columns) {
            Schema::create($name, function ($table) use ($columns) {
                $table->string('id')->primary();
                $table->integer('created');
                $table->text('metadata')->nullable();
                $table->boolean('detached')->default(false);
                array_map(fn ($column) => $table->text($column)->nullable(), $columns);
            });
        }
        Schema::create('idempotency', function ($table) {
            $table->string('key')->primary();
            $table->string('fingerprint');
            $table->integer('status');
            $table->text('body');
        });
    }
});

$kernel = $app->make(Kernel::class);
$request = Request::capture();
$response = $kernel->handle($request);
$response->send();
$kernel->terminate($request, $response);
