require 'active_record/railtie'
require 'action_controller/railtie'
require 'rack/cors'

class StripeApp < Rails::Application
  config.load_defaults 6.1
  config.root = Dir.pwd
  config.api_only = true
  config.eager_load = true
  config.consider_all_requests_local = false
  config.secret_key_base = SecureRandom.hex(32)
  config.logger = Logger.new($stderr)
  config.log_level = :error
  config.action_controller.action_on_unpermitted_parameters = :raise
  config.middleware.insert_before 0, Rack::Cors do
    allow do
      origins '*'
      resource '*', headers: :any, methods: %i[get post delete options], expose: ['Request-Id']
    end
  end
  config.middleware.use Rack::Deflater
  routes.append do
    scope '/v1' do
      resources :customers, only: %i[create show destroy] do
        get :payment_methods, on: :member
      end
      resources :payment_methods, only: %i[create show index] do
        post :attach, on: :member
        post :detach, on: :member
      end
    end
    match '*path', to: 'api#unrecognized', via: :all
  end
end

ENV['DATABASE_URL'] = 'sqlite3:stripe.sqlite3?pool=10&timeout=5000'

class Record < ActiveRecord::Base
  self.abstract_class = true
  PREFIXES = { 'Customer' => 'cus', 'PaymentMethod' => 'pm' }.freeze
  before_create { self.id = "#{PREFIXES[self.class.name]}_#{SecureRandom.alphanumeric(24)}" }
end

class Customer < Record
  has_many :payment_methods, dependent: :nullify

  def as_json(*)
    { id: id, object: 'customer', created: created_at.to_i, description: description, email: email,
      invoice_settings: { default_payment_method: nil }, livemode: false, metadata: metadata || {}, name: name }
  end
end

class PaymentMethod < Record
  belongs_to :customer, optional: true
  attr_accessor :expanded

  def as_json(*)
    { id: id, object: 'payment_method', billing_details: billing_details, card: card, created: created_at.to_i,
      customer: expanded ? customer : customer_id, livemode: false, metadata: metadata || {}, type: 'card' }
  end
end

class IdempotentRequest < ActiveRecord::Base
end

class ApiError < StandardError
  attr_reader :status, :error

  def initialize(status, message, type: 'invalid_request_error', **error)
    super(message)
    @status = status
    @error = { type: type, message: message }.merge(error)
  end
end

class ApiController < ActionController::API
  include ActionController::HttpAuthentication::Basic::ControllerMethods
  include ActionController::HttpAuthentication::Token::ControllerMethods

  before_action :describe, :authenticate
  around_action :idempotently, if: -> { request.post? && request.headers['Idempotency-Key'].present? }

  rescue_from(ApiError) { |e| render json: { error: e.error }, status: e.status }
  rescue_from ActionController::UnpermittedParameters do |e|
    fail_with 400, "Received unknown parameter: #{e.params.join(', ')}", code: 'parameter_unknown', param: e.params.first
  end
  rescue_from ActionController::ParameterMissing do |e|
    fail_with 400, "Missing required param: #{e.param}.", code: 'parameter_missing', param: e.param
  end

  def unrecognized
    fail_with 404, "Unrecognized request URL (#{request.method}: #{request.path})."
  end

  private

  def fail_with(status, message, **error)
    render json: { error: { type: 'invalid_request_error', message: message }.merge(error) }, status: status
  end

  def describe
    response.headers['Request-Id'] = "req_#{SecureRandom.alphanumeric(14)}"
    response.headers['Stripe-Version'] = request.headers['Stripe-Version'] || '2025-10-29.clover'
    response.headers['Cache-Control'] = 'no-cache, no-store'
  end

  def authenticate
    key = authenticate_with_http_token { |token| token } || authenticate_with_http_basic { |user| user }
    return if key&.match?(/\Ask_test_\w+\z/)

    response.headers['WWW-Authenticate'] = 'Bearer realm="Stripe"'
    fail_with 401, 'Invalid API Key provided.'
  end

  def idempotently
    key = request.headers['Idempotency-Key']
    fingerprint = Digest::SHA256.hexdigest([request.path, request.request_parameters.sort].to_json)
    saved = IdempotentRequest.find_by(key: key)
    if saved.nil?
      yield
      IdempotentRequest.create!(key: key, fingerprint: fingerprint, status: response.status, body: response.body)
    elsif saved.fingerprint != fingerprint
      fail_with 400, 'Keys for idempotent requests can only be used with the same parameters.', type: 'idempotency_error'
    else
      response.headers['Idempotent-Replayed'] = 'true'
      render json: saved.body, status: saved.status
    end
  end

  def find_customer(id, status: 404, param: 'id')
    Customer.find_by(id: id) || raise(ApiError.new(status, "No such customer: '#{id}'", code: 'resource_missing', param: param))
  end
end

class CustomersController < ApiController
  def create
    render json: Customer.create!(params.permit(:email, :name, :description, metadata: {}))
  end

  def show
    render json: find_customer(params[:id])
  end

  def destroy
    find_customer(params[:id]).destroy!
    render json: { id: params[:id], object: 'customer', deleted: true }
  end

  def payment_methods
    data = find_customer(params[:id]).payment_methods.order(created_at: :desc)
    render json: { object: 'list', url: request.path, has_more: false, data: data }
  end
end

class PaymentMethodsController < ApiController
  BILLING = [:email, :name, :phone, { address: %i[city country line1 line2 postal_code state] }].freeze

  def create
    values = params.permit(:type, card: %i[token number exp_month exp_year cvc], billing_details: BILLING, metadata: {})
    card = values.require(:card)
    details = values[:billing_details].to_h
    address = %w[city country line1 line2 postal_code state].index_with { |name| details.dig(:address, name) }
    declines = card[:token] == 'tok_chargeDeclined' || card[:number] == '4000000000000002'
    render json: PaymentMethod.create!(
      metadata: values[:metadata].to_h,
      billing_details: { address: address, email: details[:email], name: details[:name], phone: details[:phone] },
      card: { brand: 'visa', checks: { address_line1_check: nil, address_postal_code_check: nil, cvc_check: nil }, country: 'US',
              exp_month: (card[:exp_month] || 12).to_i, exp_year: (card[:exp_year] || 2030).to_i, fingerprint: 'Xt5EWLLDS7FJjR1c',
              funding: 'credit', generated_from: nil, last4: declines ? '0002' : (card[:number] || '4242').last(4),
              networks: { available: ['visa'], preferred: nil }, three_d_secure_usage: { supported: true }, wallet: nil }
    )
  end

  def index
    data = PaymentMethod.where(customer_id: params.require(:customer)).order(created_at: :desc)
    render json: { object: 'list', url: request.path, has_more: false, data: data }
  end

  def show
    render json: payment_method
  end

  def attach
    params.require(:customer)
    values = params.permit(:id, :customer, expand: [])
    customer = find_customer(values[:customer], status: 400, param: 'customer')
    raise ApiError.new(400, 'Invalid string: too long', param: 'customer') if values[:customer].length > 5000
    if payment_method.customer && payment_method.customer != customer
      raise ApiError.new(400, 'The payment method you provided has already been attached to a customer.')
    end
    if payment_method.card['last4'] == '0002'
      raise ApiError.new(402, 'Your card was declined.', type: 'card_error', code: 'card_declined', decline_code: 'generic_decline')
    end

    expand(values[:expand])
    payment_method.update!(customer: customer)
    render json: payment_method
  end

  def detach
    raise ApiError.new(400, 'The payment method you provided is not attached to a customer.') unless payment_method.customer

    payment_method.update!(customer: nil)
    render json: payment_method
  end

  private

  def payment_method
    @payment_method ||= PaymentMethod.find_by(id: params[:id]) ||
                        raise(ApiError.new(404, "No such PaymentMethod: '#{params[:id]}'", code: 'resource_missing', param: 'payment_method'))
  end

  def expand(paths)
    (paths || []).each do |path|
      raise ApiError.new(400, "This property cannot be expanded (#{path}).") unless path == 'customer'
    end
    payment_method.expanded = paths.present?
  end
end

StripeApp.initialize!

ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table(:customers, id: :string, force: true) do |t|
    t.string :email
    t.string :name
    t.string :description
    t.json :metadata
    t.timestamps
  end
  create_table(:payment_methods, id: :string, force: true) do |t|
    t.references :customer, type: :string
    t.json :card
    t.json :billing_details
    t.json :metadata
    t.timestamps
  end
  create_table(:idempotent_requests, force: true) do |t|
    t.string :key, index: { unique: true }
    t.string :fingerprint
    t.integer :status
    t.text :body
  end
end
