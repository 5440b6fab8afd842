require 'json'
require 'rack/cors'
require 'securerandom'
require 'sinatra/base'

class ApiError < StandardError
  attr_reader :status, :error

  def initialize(status, message, type: 'invalid_request_error', **error)
    super(message)
    @status = status
    @error = { type: type, message: message }.merge(error)
  end
end

class Stripe < Sinatra::Base
  use Rack::Deflater
  use Rack::Cors do
    allow do
      origins '*'
      resource '*', headers: :any, methods: %i[get post delete options], expose: ['Request-Id']
    end
  end

  configure do
    set :show_exceptions, false
    set :raise_errors, false
    set :customers, {}
    set :payment_methods, {}
    set :idempotency, {}
  end

  helpers do
    def id(prefix) = "#{prefix}_#{SecureRandom.alphanumeric(24)}"

    def credentials
      auth = Rack::Auth::Basic::Request.new(request.env)
      return nil unless auth.provided?
      return auth.credentials.first if auth.basic?
      return auth.params if auth.scheme == 'bearer'
    end

    def form
      params.except('id', 'captures', 'splat')
    end

    def permit(*names)
      unknown = form.keys - names
      return if unknown.empty?

      raise ApiError.new(400, "Received unknown parameter: #{unknown.join(', ')}", code: 'parameter_unknown', param: unknown.first)
    end

    def customer(id, status = 404)
      settings.customers[id] or
        raise ApiError.new(status, "No such customer: '#{id}'", code: 'resource_missing', param: status == 404 ? 'id' : 'customer')
    end

    def payment_method(id)
      settings.payment_methods[id] or
        raise ApiError.new(404, "No such PaymentMethod: '#{id}'", code: 'resource_missing', param: 'payment_method')
    end

    def expand(object)
      paths = params['expand'] || []
      raise ApiError.new(400, 'Invalid array', param: 'expand') unless paths.respond_to?(:each)

      # The SDKs send expand[0]=…, which Rack makes a hash of.
      paths = paths.values if paths.is_a?(Hash)
      paths.each do |path|
        raise ApiError.new(400, "This property cannot be expanded (#{path}).") unless path == 'customer'
      end
      paths.empty? ? object : object.merge(customer: settings.customers[object[:customer]])
    end

    def list(customer)
      data = settings.payment_methods.values.select { |pm| customer && pm[:customer] == customer }
      { object: 'list', url: request.path, has_more: false, data: data.reverse }
    end

    def answer(object) = object.to_json
  end

  before do
    content_type :json
    headers 'Request-Id' => id('req')[0, 18], 'Cache-Control' => 'no-cache, no-store'
    headers 'Stripe-Version' => request.env['HTTP_STRIPE_VERSION'] || '2025-10-29.clover'
    key = credentials
    raise ApiError.new(401, 'You did not provide an API key.') if key.nil? || key.empty?
    raise ApiError.new(401, 'Invalid API Key provided.') unless key.start_with?('sk_test_')

    @idempotency_key = request.env['HTTP_IDEMPOTENCY_KEY'] if request.post?
    if @idempotency_key
      @fingerprint = [request.path, form]
      saved = settings.idempotency[@idempotency_key]
      if saved && saved[:fingerprint] != @fingerprint
        raise ApiError.new(400, 'Keys for idempotent requests can only be used with the same parameters.', type: 'idempotency_error')
      elsif saved
        headers 'Idempotent-Replayed' => 'true'
        halt saved[:status], saved[:body]
      end
    end
  end

  after do
    if @idempotency_key && response.status < 500 && !settings.idempotency.key?(@idempotency_key)
      settings.idempotency[@idempotency_key] = { fingerprint: @fingerprint, status: response.status, body: response.body }
    end
  end

  error ApiError do |e|
    headers 'WWW-Authenticate' => 'Bearer realm="Stripe"' if e.status == 401
    status e.status
    answer error: e.error
  end

  not_found do
    answer error: { type: 'invalid_request_error', message: "Unrecognized request URL (#{request.request_method}: #{request.path})." }
  end

  error do
    answer error: { type: 'api_error', message: 'An unexpected error occurred.' }
  end

  post '/v1/customers' do
    permit 'email', 'name', 'description', 'metadata', 'invoice_settings'
    object = { id: id('cus'), object: 'customer', created: Time.now.to_i, livemode: false, invoice_settings: { default_payment_method: nil },
               email: params['email'], name: params['name'], description: params['description'], metadata: params['metadata'] || {} }
    answer settings.customers[object[:id]] = object
  end

  get('/v1/customers/:id') { answer customer(params['id']) }

  delete '/v1/customers/:id' do
    customer(params['id'])
    settings.customers.delete(params['id'])
    answer id: params['id'], object: 'customer', deleted: true
  end

  get('/v1/customers/:id/payment_methods') { answer list(customer(params['id'])[:id]) }
  get('/v1/payment_methods') { answer list(params['customer']) }

  post '/v1/payment_methods' do
    permit 'type', 'card', 'billing_details', 'metadata'
    raise ApiError.new(400, 'Missing required param: type.', code: 'parameter_missing', param: 'type') unless params['type'] == 'card'

    card = params['card'] || {}
    billing = params['billing_details'] || {}
    address = %w[city country line1 line2 postal_code state].to_h { |name| [name, billing.dig('address', name)] }
    declines = card['token'] == 'tok_chargeDeclined' || card['number'] == '4000000000000002'
    object = {
      id: id('pm'), object: 'payment_method', created: Time.now.to_i, livemode: false, type: 'card', customer: nil, metadata: params['metadata'] || {},
      billing_details: { address: address, email: billing['email'], name: billing['name'], phone: billing['phone'] },
      card: { brand: 'visa', checks: { address_line1_check: nil, address_postal_code_check: nil, cvc_check: nil }, country: 'US',
              exp_month: (card['exp_month'] || 12).to_i, exp_year: (card['exp_year'] || 2030).to_i, fingerprint: 'Xt5EWLLDS7FJjR1c',
              funding: 'credit', generated_from: nil, last4: declines ? '0002' : (card['number'] || '4242')[-4..],
              networks: { available: ['visa'], preferred: nil }, three_d_secure_usage: { supported: true }, wallet: nil }
    }
    answer settings.payment_methods[object[:id]] = object
  end

  get('/v1/payment_methods/:id') { answer payment_method(params['id']) }

  post '/v1/payment_methods/:id/attach' do
    permit 'customer', 'expand'
    cus = params['customer']
    raise ApiError.new(400, 'Missing required param: customer.', code: 'parameter_missing', param: 'customer') if cus.nil?
    raise ApiError.new(400, 'Invalid string', param: 'customer') unless cus.is_a?(String) && cus.length <= 5000

    pm = payment_method(params['id'])
    customer(cus, 400)
    raise ApiError.new(400, 'The payment method you provided has already been attached to a customer.') if pm[:customer] && pm[:customer] != cus
    if pm[:card][:last4] == '0002'
      raise ApiError.new(402, 'Your card was declined.', type: 'card_error', code: 'card_declined', decline_code: 'generic_decline')
    end

    expanded = expand(pm.merge(customer: cus))
    pm[:customer] = cus
    answer expanded
  end

  post '/v1/payment_methods/:id/detach' do
    permit 'expand'
    pm = payment_method(params['id'])
    raise ApiError.new(400, 'The payment method you provided is not attached to a customer.') unless pm[:customer]

    pm[:customer] = nil
    answer pm
  end
end
